/*
 * sluicegate for C++17: who is asking, around sluicegate.h.
 *
 *     #include <iostream>
 *     #include <sluicegate_identity.hpp>
 *
 *     int main() {
 *         sluicegate::identity_options options;
 *         options.proxies = "10.0.0.0/8"; // the load balancer's network
 *         const auto identity = sluicegate::identity::create(options);
 *         const auto limiter = sluicegate::limiter::create("fixed-window 1/1d");
 *         if (!identity || !limiter) {
 *             std::cerr << (identity ? limiter.error().text : identity.error().text) << '\n';
 *             return 1;
 *         }
 *
 *         const unsigned char peer[] = {10, 0, 0, 7};                // sin_addr of the connection
 *         const std::string_view lines[] = {"6.6.6.6, 2001:db8::1"}; // X-Forwarded-For, as it came
 *         const auto client = identity->client(peer, sizeof peer, lines);
 *         std::cout << client.text() << ' ' << limiter->check(client.key()).allowed() << '\n';
 *
 *         sluicegate::key key; // of several parts, none of which can pass for another
 *         key.address(client).header("X-Api-Key", "k1");
 *         std::cout << limiter->check(key).allowed() << '\n';
 *     }
 *
 *     c++ -std=c++17 program.cpp $(pkg-config --cflags --libs sluicegate)
 *
 * What the options and functions mean is said in sluicegate.h. Nothing here throws but std::string and std::vector, where
 * there is no memory.
 *
 * Since 0.1.0.
 */

#ifndef SLUICEGATE_IDENTITY_HPP
#define SLUICEGATE_IDENTITY_HPP

#include <sluicegate.hpp>

#include <vector>

namespace sluicegate {

/** How clients are told apart: see `sluice_identity_options`. */
struct identity_options {
    /** The one header that names clients. "Forwarded" has the grammar of RFC 7239, every other is a list of addresses. */
    std::string header = "X-Forwarded-For";
    /** The proxies that are trusted: "none", a number of hops, or networks and addresses with commas between them. */
    std::string proxies = "none";
    std::uint32_t ipv6_prefix = 64;
    std::uint32_t ipv4_prefix = 32;
    /** Some of `SLUICE_EMBEDDED_*`, combined by `|`. */
    std::uint32_t embedded = 0;
};

/** How a client's address was found. */
enum class source : std::uint32_t {
    peer = SLUICE_SOURCE_PEER,
    header = SLUICE_SOURCE_HEADER,
    fallback = SLUICE_SOURCE_FALLBACK,
};

/** Who a request comes from: `sluice_client` with C++ types. */
class client {
public:
    /** From what C has filled. */
    explicit client(const sluice_client &raw) noexcept : raw_(raw) {}

    /** What the client is counted by: a key for `limiter::check`. It lives as long as this. */
    [[nodiscard]] std::string_view key() const & noexcept {
        return {reinterpret_cast<const char *>(raw_.key), raw_.key_len};
    }
    [[nodiscard]] std::string_view key() const && = delete;
    /** The same for logs: "203.0.113.10", "2001:db8::/64", or "local" for all that have no address. */
    [[nodiscard]] std::string text() const {
        std::array<char, SLUICE_CLIENT_TEXT_MAX> text{};
        std::size_t length = 0;
        static_cast<void>(sluice_client_text(&raw_, text.data(), text.size(), &length));
        return {text.data(), length};
    }
    /** How the address was found. */
    [[nodiscard]] sluicegate::source source() const noexcept { return static_cast<sluicegate::source>(raw_.source); }
    /** As C has it. */
    [[nodiscard]] const sluice_client &raw() const noexcept { return raw_; }

private:
    sluice_client raw_;
};

/** How clients are told apart, checked once. Safe from any number of threads at once. Can be moved and not copied. */
class identity {
public:
    /** Checks the options, or says what is wrong with them. */
    [[nodiscard]] static result<identity> create(const identity_options &chosen = {}) {
        return detail::made<identity>({chosen.header, chosen.proxies}, [&](const std::string *texts, sluice_identity **out) {
            const sluice_identity_options raw{sizeof(sluice_identity_options), texts[0].c_str(), texts[1].c_str(),
                                              chosen.ipv6_prefix, chosen.ipv4_prefix, chosen.embedded, 0};
            return sluice_identity_new(&raw, out);
        });
    }

    /**
     * Who a request comes from: `peer` is its address in network byte order, of 4 or 16 bytes, or (nullptr, 0) for a Unix
     * socket; `lines` is a container of the values of all lines of the header, in the order in which they came. See
     * `sluice_client_key`. A length that no address has is none.
     */
    template <typename Lines>
    [[nodiscard]] sluicegate::client client(const void *peer, std::size_t peer_len, const Lines &lines) const {
        std::vector<sluice_bytes> raw_lines;
        for (const std::string_view line : lines) {
            raw_lines.push_back({line.data(), line.size()});
        }
        sluice_client found{};
        if (sluice_client_key(raw_.get(), peer, peer_len, raw_lines.data(), raw_lines.size(), &found) != SLUICE_OK) {
            static_cast<void>(sluice_client_key(raw_.get(), nullptr, 0, nullptr, 0, &found));
        }
        return sluicegate::client(found);
    }
    /** The same of a request without such a header. */
    [[nodiscard]] sluicegate::client client(const void *peer, std::size_t peer_len) const {
        return client(peer, peer_len, std::array<std::string_view, 0>{});
    }

private:
    friend struct detail;
    struct free {
        void operator()(sluice_identity *identity) const noexcept { sluice_identity_free(identity); }
    };
    explicit identity(sluice_identity *raw) noexcept : raw_(raw) {}

    std::unique_ptr<sluice_identity, free> raw_;
};

/** A key of several parts, none of which can pass for another or for two, whatever it holds. */
class key {
public:
    /** And the client's address. */
    key &address(const client &client) { return and_part(SLUICE_PART_ADDRESS, {}, client.key()); }
    /** And a user, who has proved to be one. */
    key &user(std::string_view user) { return and_part(SLUICE_PART_USER, {}, user); }
    /** And the value of a header, whose name is the same in upper and lower case. */
    key &header(std::string_view name, std::string_view value) { return and_part(SLUICE_PART_HEADER, name, value); }
    /** And something else under a name. */
    key &part(std::string_view name, std::string_view value) { return and_part(SLUICE_PART_NAMED, name, value); }

    /** The key's bytes, for `limiter::check`. */
    [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }
    /** The same. */
    operator std::string_view() const noexcept { return bytes_; }

private:
    key &and_part(std::uint32_t kind, std::string_view name, std::string_view value) {
        const sluice_key_part part{kind, 0, name.data(), name.size(), value.data(), value.size()};
        const std::size_t before = bytes_.size();
        bytes_.resize(before + name.size() + value.size() + 21);
        std::size_t length = 0;
        static_cast<void>(sluice_key_join(&part, 1, &bytes_[before], bytes_.size() - before, &length));
        bytes_.resize(before + length);
        return *this;
    }

    std::string bytes_;
};

} // namespace sluicegate

#endif // SLUICEGATE_IDENTITY_HPP
