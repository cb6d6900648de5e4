#include "collectors/kernel/process_walk.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <filesystem>
#include <future>
#include <map>
#include <thread>

#include "collectors/kernel/owner_walk.h"
#include "tests/collectors/kernel/holder.h"
#include "tests/collectors/kernel/netns_sockets.h"

using namespace socket_exporter;

namespace {

Deadline soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(30);
}

Workload no_workload(std::uint32_t /*pid*/, std::uint64_t /*cgroup*/) {
  return {};
}

ProcessWalk opened_walk() {
  auto walk = ProcessWalk::open();
  REQUIRE(walk);
  return std::move(*walk);
}

Owners walked(Inodes inodes = Inodes::needed, const DestinationSet& wanted = {}) {
  auto owners = opened_walk().walk(inodes, wanted, no_workload, soon());
  REQUIRE(owners);
  return std::move(*owners);
}

std::uint32_t number_of(const Owners& owners, std::uint32_t pid) {
  const auto& all = owners.processes();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Process& p) { return p.pid == pid; });
  REQUIRE(found != all.end());
  return static_cast<std::uint32_t>(found - all.begin());
}

const Process& process_of(const Owners& owners, const Holder& holder) {
  return owners.processes()[number_of(owners, holder.pid())];
}

HeldSockets held_in(const Owners& owners, std::uint32_t pid, std::uint32_t netns) {
  const auto& held = owners.counts()->held;
  const auto found = held.find({number_of(owners, pid), netns});
  return found != held.end() ? found->second : HeldSockets{};
}

HeldSockets held_by(const Owners& owners, const Holder& holder) {
  return held_in(owners, holder.pid(), holder.netns());
}

std::uint32_t tcp(const HeldSockets& held, TcpState state) {
  return held.tcp[static_cast<std::size_t>(state)];
}

std::uint32_t all_tcp(const HeldSockets& held) {
  std::uint32_t sum = 0;
  for (const auto count : held.tcp) sum += count;
  return sum;
}

/// Sockets in a namespace of their own: known ones in each state, of both families and protocols.
struct KnownSockets {
  Namespace ns;
  Server v4{"127.0.0.1"};
  Server v6{"::1"};
  std::vector<Connection> connections;
  std::vector<Fd> tcp = sockets(2);
  std::vector<Fd> udp = sockets(4, SOCK_DGRAM);
  std::vector<Fd> others;

  KnownSockets() {
    prctl(PR_SET_NAME, "known\x01sockets");
    const rlimit limit{777, 1000};
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < 3; ++i) connections.push_back(v4.connection());
    connections.push_back(v6.connection());
    connections.back().client = Fd();  // CLOSE_WAIT, without an end in FIN_WAIT2
    for (int i = 0; i < 5; ++i) others.emplace_back(open("/dev/null", O_RDONLY));
    others.emplace_back(socket(AF_UNIX, SOCK_STREAM, 0));
    others.emplace_back(socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
    others.emplace_back(socket(AF_NETLINK, SOCK_RAW, 0));
  }
};

}  // namespace

TEST_CASE("a process's sockets are counted by state, and its descriptors with their limit") {
  const Holder holder([] { return std::make_unique<KnownSockets>(); });
  const Inodes inodes = GENERATE(Inodes::needed, Inodes::all);
  const Owners owners = walked(inodes);

  const Process& process = process_of(owners, holder);
  CHECK(process.comm == "known\x01sockets");
  CHECK(process.fds_limit == 777);
  CHECK(process.netns == holder.netns());
  CHECK(process.open_fds == holder.open_fds());
  const HeldSockets held = held_by(owners, holder);
  CHECK(tcp(held, TcpState::listen) == 2);
  CHECK(tcp(held, TcpState::established) == 6);
  CHECK(tcp(held, TcpState::close_wait) == 1);
  CHECK(tcp(held, TcpState::close) == 2);
  CHECK(all_tcp(held) == 11);
  CHECK(held.udp == 4);
}

TEST_CASE("a socket with several descriptors in a process counts once") {
  const Holder holder([] {
    auto made = sockets(3);
    for (int i = 0; i < 4; ++i) made.push_back(copy_of(made[0]));
    made.push_back(copy_of(made[1]));
    return made;
  });
  const Owners owners = walked();
  CHECK(all_tcp(held_by(owners, holder)) == 3);
  CHECK(process_of(owners, holder).open_fds == holder.open_fds());
}

TEST_CASE("a socket that processes share counts in the one with the lowest pid") {
  const auto before = sockets(5);
  const Holder first([] { return sockets(2); });
  const Holder second([] { return sockets(1); });
  const Owners owners = walked();
  const std::uint32_t here = first.netns();
  std::map<std::uint32_t, std::uint32_t> own{
      {static_cast<std::uint32_t>(getpid()), 0}, {first.pid(), 2}, {second.pid(), 1}};
  own.begin()->second += 5;  // the others inherited them
  for (const auto& [pid, expected] : own) CHECK(all_tcp(held_in(owners, pid, here)) == expected);
}

TEST_CASE("a table counts once for all its threads, a thread's own table besides") {
  const Holder holder([] {
    auto made = sockets(3);
    std::thread([] { pause(); }).detach();
    std::promise<void> ready;
    std::thread([&ready] {
      REQUIRE(unshare(CLONE_FILES) == 0);
      const auto own = sockets(2);
      ready.set_value();
      pause();
    }).detach();
    ready.get_future().wait();
    return made;
  });
  const Owners owners = walked();
  CHECK(all_tcp(held_by(owners, holder)) == 5);
  const std::size_t copies = holder.open_fds() + 1;  // with an end of a pipe, closed since then
  CHECK(process_of(owners, holder).open_fds == holder.open_fds() + copies + 2);
}

TEST_CASE("the sockets of a process whose first thread has ended count once") {
  Holder holder([] {
    auto made = sockets(3);
    for (int i = 0; i < 3; ++i) std::thread([] { pause(); }).detach();
    return made;
  });
  const std::uint32_t netns = holder.netns();
  const std::size_t open_fds = holder.open_fds();
  holder.end_first_thread();
  const Owners owners = walked();
  CHECK(all_tcp(held_in(owners, holder.pid(), netns)) == 3);
  CHECK(process_of(owners, holder).open_fds == open_fds);
}

TEST_CASE("the sockets of a table that two processes have count in one of them") {
  const Holder holder([] {
    auto made = sockets(4);
    prctl(PR_SET_NAME, "two_processes");
    if (syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr) == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      pause();
    }
    return made;
  });
  const Owners owners = walked();
  std::vector<std::uint32_t> counts;
  for (std::uint32_t i = 0; i < owners.processes().size(); ++i) {
    if (owners.processes()[i].comm != "two_processes") continue;
    CHECK(owners.processes()[i].open_fds == holder.open_fds());
    counts.push_back(all_tcp(held_in(owners, owners.processes()[i].pid, holder.netns())));
  }
  std::sort(counts.begin(), counts.end());
  CHECK(counts == std::vector<std::uint32_t>{0, 4});
}

TEST_CASE("sockets count in the namespace they were made in, whoever holds them") {
  const Holder holder([] {
    auto made = sockets(2);
    std::vector<Fd> others;
    {
      const Namespace ns;
      others = sockets(3);
    }
    return std::tuple(std::move(made), std::move(others), sockets(1));
  });
  const Owners owners = walked();
  const std::uint32_t number = number_of(owners, holder.pid());
  std::vector<std::uint32_t> counts;
  for (const auto& [key, held] : owners.counts()->held) {
    if (key.process == number) counts.push_back(all_tcp(held));
  }
  std::sort(counts.begin(), counts.end());
  CHECK(counts == std::vector<std::uint32_t>{3, 3});
  CHECK(all_tcp(held_by(owners, holder)) == 3);
  CHECK(process_of(owners, holder).open_fds == holder.open_fds());
}

TEST_CASE("a process without a socket has its descriptors counted") {
  const Holder holder([] {
    std::vector<Fd> files;
    for (int i = 0; i < 900; ++i) files.emplace_back(open("/dev/null", O_RDONLY));
    return files;
  });
  const Owners owners = walked();
  CHECK(process_of(owners, holder).open_fds == holder.open_fds());
  CHECK(process_of(owners, holder).open_fds >= 900);
  CHECK(all_tcp(held_by(owners, holder)) == 0);
}

TEST_CASE("the owner of a destination is the process with the most sockets to it") {
  const Namespace ns;
  Server busy("127.0.0.1");
  Server mapped("::");
  Server unasked("127.0.0.1");
  const auto connect_times = [](int count, Endpoint to) {
    std::vector<Fd> clients;
    for (int i = 0; i < count; ++i) clients.push_back(connect_to(to));
    return clients;
  };
  const auto to_mapped = [&](int count) {
    std::vector<Connection> made;
    for (int i = 0; i < count; ++i) made.push_back(mapped.connection_by("::ffff:127.0.0.1"));
    return made;
  };
  const Holder few([&] { return connect_times(2, busy.address()); });
  const Holder most([&] { return std::pair(connect_times(5, busy.address()), to_mapped(1)); });
  const Holder some([&] {
    return std::tuple(connect_times(3, busy.address()), to_mapped(2),
                      connect_times(1, unasked.address()));
  });
  const auto key = [&](const Server& server, std::uint32_t netns) {
    const auto* const name = reinterpret_cast<const sockaddr_in*>(&server.address().storage);
    return DestinationKey{netns, *parse_address("127.0.0.1"), ntohs(name->sin_port)};
  };

  ProcessWalk walk = opened_walk();
  for (int i = 0; i < 3; ++i) {  // each walk counts anew, whatever was asked before
    DestinationSet wanted{key(busy, ns.inode()), key(mapped, ns.inode()), key(busy, 1)};
    if (i == 1) wanted.erase(key(mapped, ns.inode()));
    const auto owners = walk.walk(Inodes::needed, wanted, no_workload, soon());
    REQUIRE(owners);
    const auto& found = owners->counts()->destinations;
    CHECK(found.size() == wanted.size() - 1);
    CHECK(found.at(key(busy, ns.inode())) == number_of(*owners, most.pid()));
    if (i == 1) continue;
    CHECK(found.at(key(mapped, ns.inode())) == number_of(*owners, some.pid()));
  }
}

TEST_CASE("the walk finds what /proc/*/fd shows") {
  const Holder known([] { return std::make_unique<KnownSockets>(); });
  const Holder copies([] {
    auto made = sockets(300, SOCK_DGRAM);
    for (int i = 0; i < 300; ++i) made.push_back(copy_of(made[0]));
    return made;
  });
  const Holder idle([] { return sockets(0); });
  const Owners all = walked(Inodes::all);
  const Owners needed = walked(Inodes::needed);
  const auto proc = read_owners("/proc", no_workload, soon());
  REQUIRE(proc);

  for (const Holder* holder : {&known, &copies, &idle}) {
    const Process& expected = process_of(*proc, *holder);
    for (const Owners* owners : {&all, &needed}) {
      const Process& process = process_of(*owners, *holder);
      CHECK(process.comm == expected.comm);
      CHECK(process.open_fds == expected.open_fds);
      CHECK(process.fds_limit == expected.fds_limit);
      CHECK(process.netns == expected.netns);
      CHECK(held_by(*owners, *holder).tcp == held_by(all, *holder).tcp);
      CHECK(held_by(*owners, *holder).udp == held_by(all, *holder).udp);
    }
    std::size_t inodes = 0;
    const std::filesystem::path fds = "/proc/" + std::to_string(holder->pid()) + "/fd";
    for (const auto& entry : std::filesystem::directory_iterator(fds)) {
      const auto inode = parse_socket_link(std::filesystem::read_symlink(entry.path()).string());
      const auto walked_owner = inode ? all.owner_of(*inode) : std::nullopt;
      if (!walked_owner) continue;  // no socket of TCP or UDP
      const auto proc_owner = proc->owner_of(*inode);
      REQUIRE(proc_owner);
      CHECK(all.processes()[*walked_owner].pid == proc->processes()[*proc_owner].pid);
      ++inodes;
    }
    CHECK(inodes >= all_tcp(held_by(all, *holder)) + held_by(all, *holder).udp);
  }
}

TEST_CASE("inside a pid namespace processes have the numbers they have there") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (unshare(CLONE_NEWPID) != 0) _exit(2);
    const pid_t first = fork();
    if (first == 0) {
      const auto made = sockets(2);
      auto walk = ProcessWalk::open();
      if (!walk) _exit(3);
      const auto owners = walk->walk(Inodes::needed, {}, no_workload, soon());
      const bool is_right = owners && owners->processes().size() == 1 &&
                            owners->processes().front().pid == 1 &&
                            owners->counts()->held.size() == 1 &&
                            all_tcp(owners->counts()->held.begin()->second) == 2;
      _exit(is_right ? 0 : 4);
    }
    int status = 1;
    _exit(waitpid(first, &status, 0) == first && WIFEXITED(status) ? WEXITSTATUS(status) : 5);
  }
  int status = 1;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a passed deadline ends the walk over descriptors") {
  const auto late = opened_walk().walk(Inodes::needed, {}, no_workload,
                                       std::chrono::steady_clock::now() - std::chrono::hours(1));
  REQUIRE_FALSE(late);
  CHECK(late.error().kind == Error::Kind::timeout);
}
