// A small threaded HTTP server that answers 200 within the limit and 429 beyond it.
//
//     c++ -std=c++17 -pthread server.cpp -o server $(pkg-config --cflags --libs sluicegate)
//     ./server 8080 "token-bucket 10/s burst=20"              # each client address has its own limit
//     ./server 8080 "fixed-window 1000/h" X-Api-Key           # each value of the header has its own limit

#include <arpa/inet.h>
#include <sluicegate_http.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr unsigned workers = 16;
constexpr std::size_t longest_head = 8192;
constexpr auto patience = 5s;

// A connected client, closed at the end so that the answer arrives.
class connection {
public:
    explicit connection(int socket) : socket_(socket) {
        const timeval limit{std::chrono::seconds(patience).count(), 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    connection(const connection &) = delete;
    connection &operator=(const connection &) = delete;

    // What the client still sends is read and dropped, for a while.
    ~connection() {
        const auto deadline = steady_clock::now() + 1s;
        char dropped[4096];
        shutdown(socket_, SHUT_WR);
        while (recv(socket_, dropped, sizeof dropped, 0) > 0 && steady_clock::now() < deadline) {
        }
        close(socket_);
    }

    // Up to the empty line that ends a request's head; nothing if nobody waits for an answer any more.
    std::optional<std::string> read_head() {
        const auto deadline = steady_clock::now() + patience;
        std::string head;
        while (head.size() < longest_head && head.find("\r\n\r\n") == std::string::npos) {
            char some[1024];
            const auto got = recv(socket_, some, sizeof some, 0);
            if (got <= 0 || steady_clock::now() > deadline) {
                return std::nullopt;
            }
            head.append(some, static_cast<std::size_t>(got));
        }
        return head;
    }

    void answer(const std::string &status, const std::string &body, std::string_view type = "text/plain",
                const std::string &headers = "") {
        const std::string response = "HTTP/1.1 " + status + "\r\nContent-Type: " + std::string(type) + "\r\nContent-Length: "
                                     + std::to_string(body.size()) + "\r\nConnection: close\r\n" + headers + "\r\n" + body;
        std::size_t sent = 0;
        while (sent < response.size()) {
            const auto more = send(socket_, response.data() + sent, response.size() - sent, MSG_NOSIGNAL);
            if (more <= 0) {
                return; // the client is gone
            }
            sent += static_cast<std::size_t>(more);
        }
    }

    // The answer that the decision calls for, in a form that the client has said it understands.
    void answer_by(const sluicegate::answer &told, std::string_view accept) {
        const auto status = std::to_string(told.status()) + ' ' + std::string(told.reason_phrase());
        if (told.allowed()) {
            return answer(status, "Hello.\n", "text/plain", told.header_lines());
        }
        const auto body = sluicegate::body_from_accept(accept);
        answer(status, told.body(body), sluicegate::content_type(body), told.header_lines());
    }

private:
    int socket_;
};

// The value of a header in a request's head, without the blanks around it.
std::optional<std::string_view> find_header(std::string_view head, std::string_view name) {
    const auto same = [](unsigned char one, unsigned char other) { return std::tolower(one) == std::tolower(other); };
    for (auto end = head.find("\r\n"); end != std::string_view::npos; end = head.find("\r\n")) {
        head.remove_prefix(end + 2);
        if (head.size() > name.size() && head[name.size()] == ':'
            && std::equal(name.begin(), name.end(), head.begin(), same)) {
            auto value = head.substr(name.size() + 1);
            value = value.substr(0, value.find("\r\n"));
            const auto first = value.find_first_not_of(" \t"), last = value.find_last_not_of(" \t");
            return first == std::string_view::npos ? std::string_view() : value.substr(first, last - first + 1);
        }
    }
    return std::nullopt;
}

// What every request is decided by and told of.
struct gate {
    sluicegate::limiter limiter;
    sluicegate::quota quota;
    const char *key_header; // nullptr: the client's address is the key
};

void serve(connection &client, const gate &gate, std::string_view address) {
    const auto head = client.read_head();
    if (!head) {
        return;
    }
    const auto end = head->find("\r\n\r\n");
    if (end == std::string::npos) {
        return client.answer("431 Request Header Fields Too Large", "That is more than 8 KiB of headers.\n");
    }
    if (head->find(" HTTP/1.") > head->find("\r\n")) {
        return client.answer("400 Bad Request", "That was no HTTP request.\n");
    }
    const auto fields = std::string_view(*head).substr(0, end);
    const auto key = gate.key_header ? find_header(fields, gate.key_header) : address;
    if (!key) {
        return client.answer("401 Unauthorized", "The header that says who is asking is missing.\n");
    }
    const auto now = gate.limiter.now();
    const auto decision = gate.limiter.check_at(*key, 1, now);
    client.answer_by({sluicegate::verdict(gate.quota, decision), now}, find_header(fields, "Accept").value_or(""));
}

void work(int listener, const gate &gate) {
    for (;;) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        const int socket = accept(listener, reinterpret_cast<sockaddr *>(&peer), &size);
        if (socket < 0) {
            continue;
        }
        connection client(socket);
        const std::string_view address(reinterpret_cast<const char *>(&peer.sin_addr), sizeof peer.sin_addr);
        serve(client, gate, address);
    }
}

// A socket that listens, or -1.
int listen_on(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto *any = reinterpret_cast<sockaddr *>(&address);
    const int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (listener < 0 || bind(listener, any, size) != 0 || listen(listener, 128) != 0
        || getsockname(listener, any, &size) != 0) {
        std::perror("cannot listen");
        return -1;
    }
    std::cout << "listening on http://127.0.0.1:" << ntohs(address.sin_port) << std::endl;
    return listener;
}

} // namespace

int main(int count, char **arguments) {
    char *end = nullptr;
    const auto port = count < 3 ? 0 : std::strtoul(arguments[1], &end, 10);
    if (count < 3 || *end || end == arguments[1] || port > UINT16_MAX) {
        std::cerr << "usage: " << arguments[0] << " PORT POLICY [HEADER], with a port from 0 to 65535\n";
        return 2;
    }
    auto limiter = sluicegate::limiter::create(arguments[2], 100'000);
    auto quota = limiter ? sluicegate::quota::of("api", *limiter) : limiter.error();
    if (!quota) {
        std::cerr << quota.error().text << '\n';
        return 2;
    }
    const gate gate{std::move(*limiter), std::move(*quota), count > 3 ? arguments[3] : nullptr};
    const int listener = listen_on(static_cast<std::uint16_t>(port));
    if (listener < 0) {
        return 1;
    }
    std::vector<std::thread> threads;
    for (unsigned worker = 0; worker < workers; worker++) {
        threads.emplace_back(work, listener, std::cref(gate));
    }
    for (auto &thread : threads) {
        thread.join();
    }
}
