// civetweb_server PORT: civetweb's own WebSocket server, which sends back what it gets. From
// "ready" until SIGTERM it counts for itself, and prints that at its end.
#include <civetweb.h>
#include <signal.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace {

/// By names such as "in text". All threads.
class Books {
 public:
  void add(const std::string& name, std::size_t number) {
    const std::lock_guard lock(mutex_);
    counts_[name] += number;
  }

  void print() {
    const std::lock_guard lock(mutex_);
    std::string_view between = "{";
    for (const auto& [name, count] : counts_) {
      std::cout << between << '"' << name << "\":" << count;
      between = ",";
    }
    std::cout << "}" << std::endl;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::size_t> counts_;
};

std::string name_of(int opcode) {
  switch (opcode) {
    case MG_WEBSOCKET_OPCODE_TEXT:
      return "text";
    case MG_WEBSOCKET_OPCODE_BINARY:
      return "binary";
    case MG_WEBSOCKET_OPCODE_PING:
      return "ping";
    case MG_WEBSOCKET_OPCODE_PONG:
      return "pong";
    case MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE:
      return "close";
    default:
      return "unknown";
  }
}

void note(Books& books, const std::string& way, int opcode, std::size_t size) {
  books.add(way + " " + name_of(opcode), 1);
  if (opcode < MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE) books.add(way + " bytes", size);
}

void open_connection(mg_connection* /*connection*/, void* books) {
  static_cast<Books*>(books)->add("connections", 1);
}

int answer(mg_connection* connection, int bits, char* data, std::size_t size, void* context) {
  Books& books = *static_cast<Books*>(context);
  const int opcode = bits & 15;
  note(books, "in", opcode, size);
  if (opcode == MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE && size >= 2) {
    const auto byte = [&](int i) { return static_cast<std::uint8_t>(data[i]); };
    books.add("closed " + std::to_string(byte(0) << 8 | byte(1)), 1);
  }
  const int back = opcode == MG_WEBSOCKET_OPCODE_PING ? MG_WEBSOCKET_OPCODE_PONG : opcode;
  if (mg_websocket_write(connection, back, data, size) > 0) note(books, "out", back, size);
  return 1;
}

void close_connection(const mg_connection* /*connection*/, void* books) {
  static_cast<Books*>(books)->add("closed", 1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || mg_check_feature(MG_FEATURES_WEBSOCKET) == 0) {
    std::cerr << "civetweb_server PORT, by a civetweb with WebSockets\n";
    return 1;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const std::string port = std::string("127.0.0.1:") + argv[1];
  std::array<const char*, 5> options{"listening_ports", port.c_str(), "num_threads", "40", nullptr};
  const mg_callbacks callbacks{};
  mg_context* const server = mg_start(&callbacks, nullptr, options.data());
  if (server == nullptr) return 1;
  Books books;
  mg_set_websocket_handler(server, "/", nullptr, open_connection, answer, close_connection, &books);
  std::cout << "ready" << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  mg_stop(server);
  books.print();
  return 0;
}
