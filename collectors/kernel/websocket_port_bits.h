#pragma once

#include <linux/types.h>

#include "collectors/kernel/websocket_counts.h"

namespace socket_exporter {

/// Where an eBPF program keeps the ports that it follows (websocket_maps.h).
struct WebsocketPortBits {
  __u32* server;
  __u32* client;
  __u32* learned;
  __u32* learns;
};

/// Other ports for a program at work: one that stays is never missing, and what was learned stays
/// for as long as learning is asked for.
void change_ports(const WebsocketPortBits& bits, const WebsocketPorts& before,
                  const WebsocketPorts& after);

/// The same by the variables of a program; `now` are its ports, and become `next`.
template <typename Variables>
void change_ports(Variables& variables, WebsocketPorts& now, const WebsocketPorts& next) {
  change_ports(WebsocketPortBits{variables.server_ports, variables.client_ports,
                                 variables.learned_ports, &variables.learns},
               now, next);
  now = next;
}

}  // namespace socket_exporter
