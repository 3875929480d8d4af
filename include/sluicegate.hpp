/*
 * sluicegate for C++17: a thin wrapper around sluicegate.h, in this header alone.
 *
 *     #include <iostream>
 *     #include <sluicegate.hpp>
 *
 *     int main() {
 *         auto made = sluicegate::limiter::create("token-bucket 100/s burst=200", 1'000'000);
 *         if (!made) {
 *             std::cerr << made.error().text << '\n';
 *             return 1;
 *         }
 *         sluicegate::limiter limiter = std::move(*made);
 *
 *         auto decision = limiter.check("203.0.113.10");
 *         if (decision.allowed()) {
 *             std::cout << "200 OK, " << decision.remaining() << " left\n";
 *         } else if (auto wait = decision.retry_after()) {
 *             std::cout << "429 Too Many Requests, Retry-After: " << sluicegate::whole_seconds(*wait) << '\n';
 *         } else {
 *             std::cout << "429 Too Many Requests\n";
 *         }
 *     }
 *
 *     c++ -std=c++17 program.cpp $(pkg-config --cflags --libs sluicegate)
 *
 * Nothing here throws but the constructor that says so, which is left out where exceptions are off (and std::string, where
 * there is no memory). One limiter serves all threads at once; only moving, assigning and destroying it need it for
 * themselves. What the functions mean, their units and
 * their ranges are said in sluicegate.h.
 *
 * Since 0.1.0.
 */

#ifndef SLUICEGATE_HPP
#define SLUICEGATE_HPP

#include <sluicegate.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#if defined(__cpp_exceptions)
#include <stdexcept>
#endif

namespace sluicegate {

using std::chrono::nanoseconds;

/** A point in time as the calls take it that are told theirs: nanoseconds since 1970-01-01 00:00 UTC. */
using time_point = std::chrono::time_point<std::chrono::system_clock, nanoseconds>;

/** Why a limiter could not be made. */
struct error {
    /** One of `SLUICE_ERR_*`. */
    std::int32_t status;
    /** One line: what was wrong, where, and what would be right. */
    std::string text;
};

/** A `T`, or why there is none. Ask which before taking either. */
template <typename T>
class [[nodiscard]] result {
public:
    result(T value) noexcept : either_(std::move(value)) {}
    result(sluicegate::error error) noexcept : either_(std::move(error)) {}

    [[nodiscard]] explicit operator bool() const noexcept { return std::holds_alternative<T>(either_); }
    [[nodiscard]] T &operator*() noexcept { return *std::get_if<T>(&either_); }
    [[nodiscard]] const T &operator*() const noexcept { return *std::get_if<T>(&either_); }
    [[nodiscard]] T *operator->() noexcept { return std::get_if<T>(&either_); }
    [[nodiscard]] const T *operator->() const noexcept { return std::get_if<T>(&either_); }
    [[nodiscard]] const sluicegate::error &error() const noexcept { return *std::get_if<sluicegate::error>(&either_); }

private:
    std::variant<T, sluicegate::error> either_;
};

#if defined(__cpp_exceptions)
/** What the throwing constructor throws; what() is the error's text. */
class exception : public std::runtime_error {
public:
    explicit exception(const error &error) : std::runtime_error(error.text), status_(error.status) {}
    /** One of `SLUICE_ERR_*`. */
    [[nodiscard]] std::int32_t status() const noexcept { return status_; }

private:
    std::int32_t status_;
};
#endif

/* What the wrappers have in common; no part of the interface. */
struct detail {
    /* The failure of the call before this one. */
    static sluicegate::error failure(std::int32_t status) {
        std::array<char, SLUICE_ERROR_TEXT_MAX> text{};
        sluice_last_error(text.data(), text.size());
        return {status, text.data()};
    }

    /* A `T` around what `make` gives, from texts none of which may have a NUL in it. */
    template <typename T, typename Make>
    static result<T> made(std::initializer_list<std::string_view> texts, Make make) {
        std::array<std::string, 4> copies;
        std::size_t n = 0;
        for (const auto text : texts) {
            if (text.find('\0') != std::string_view::npos) {
                return sluicegate::error{SLUICE_ERR_ARGUMENT, "a text has a NUL in it"};
            }
            copies[n++] = text;
        }
        decltype(std::declval<T &>().raw_.release()) raw = nullptr;
        const auto status = make(copies.data(), &raw);
        return status == SLUICE_OK ? result<T>(T(raw)) : result<T>(failure(status));
    }

    /* The text that `write` puts into a buffer, after it has said how long it is. */
    template <typename Write>
    static std::string text(Write write) {
        std::string text;
        std::size_t length = 0;
        if (write(nullptr, 0, &length) == SLUICE_ERR_BUFFER) {
            text.resize(length + 1);
            const auto status = write(text.data(), text.size(), &length);
            text.resize(status == SLUICE_OK ? length : 0);
        }
        return text;
    }
};

/** Why a request was denied, or not counted. */
enum class reason : std::uint32_t {
    none = SLUICE_REASON_NONE,
    limit = SLUICE_REASON_LIMIT,
    cost_exceeds_limit = SLUICE_REASON_COST_EXCEEDS_LIMIT,
    table_full = SLUICE_REASON_TABLE_FULL,
    time_out_of_range = SLUICE_REASON_TIME_OUT_OF_RANGE,
    table_damaged = SLUICE_REASON_TABLE_DAMAGED,
};

/** What happens to a new key when more keys are live than fit. */
enum class on_full : std::uint32_t {
    evict = SLUICE_ON_FULL_EVICT,
    deny = SLUICE_ON_FULL_DENY,
    allow = SLUICE_ON_FULL_ALLOW,
};

/** Where the calls that are not told their time take it from. */
enum class clock_source : std::uint32_t {
    monotonic = SLUICE_CLOCK_MONOTONIC,
    coarse = SLUICE_CLOCK_COARSE,
};

/** What a limiter may be told beyond its policy. */
struct options {
    /** How many keys can be live at once before `when_full` applies; 0 for the default of 1000000. */
    std::uint64_t max_keys = 0;
    on_full when_full = on_full::evict;
    clock_source clock = clock_source::monotonic;
    /** For `open`: whether a table with another policy gives way to one with this, in which keys keep what they have
     *  consumed; otherwise it is an error, `SLUICE_ERR_MISMATCH`. */
    bool replace = false;
    /** Whether all of the table's memory is taken when the limiter is made; otherwise each page comes with the first check
     *  that reaches it, which waits until the system has made it (half a millisecond for a huge page). */
    bool prefault = true;
};

/** Seconds rounded up, as `Retry-After` takes them: who waits so long is let in. */
[[nodiscard]] constexpr std::uint64_t whole_seconds(nanoseconds wait) noexcept {
    const auto ns = static_cast<std::uint64_t>(wait.count());
    return ns / 1'000'000'000 + (ns % 1'000'000'000 != 0);
}

/** The answer to one request: `sluice_decision` with C++ types. */
class [[nodiscard]] decision {
public:
    /** A denial by nobody, to be written over. */
    constexpr decision() noexcept = default;
    constexpr explicit decision(const sluice_decision &raw) noexcept : raw_(raw) {}

    /** Whether the request is within the limit. Only an allowed request has consumed anything. */
    [[nodiscard]] constexpr bool allowed() const noexcept { return raw_.allowed != 0; }
    /** The same. */
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return allowed(); }
    /** Why not. */
    [[nodiscard]] constexpr sluicegate::reason reason() const noexcept {
        return static_cast<sluicegate::reason>(raw_.reason);
    }
    /** The policy's limit, in permits. */
    [[nodiscard]] constexpr std::uint64_t limit() const noexcept { return raw_.limit; }
    /** Permits that are left, rounded down. */
    [[nodiscard]] constexpr std::uint64_t remaining() const noexcept { return raw_.remaining; }
    /** On a denial that waiting can cure: how long. */
    [[nodiscard]] constexpr std::optional<nanoseconds> retry_after() const noexcept {
        if (allowed() || raw_.retry_after_ns == SLUICE_NEVER) {
            return std::nullopt;
        }
        return duration(raw_.retry_after_ns);
    }
    /** How long until the key is as one never seen. Fixed window: until its window ends. */
    [[nodiscard]] constexpr nanoseconds reset_after() const noexcept { return duration(raw_.reset_after_ns); }
    /** Leaky bucket: how long to hold an allowed request so that requests leave at the constant rate. */
    [[nodiscard]] constexpr nanoseconds delay() const noexcept { return duration(raw_.delay_ns); }
    /** As C has it. */
    [[nodiscard]] constexpr const sluice_decision &raw() const noexcept { return raw_; }

private:
    /* No answer is longer than 292 years: policies are refused that would give one. */
    static constexpr nanoseconds duration(std::uint64_t ns) noexcept {
        return nanoseconds(static_cast<nanoseconds::rep>(ns));
    }

    sluice_decision raw_{0, 0, 0, 0, SLUICE_NEVER, 0, 0};
};
static_assert(sizeof(decision) == sizeof(sluice_decision) && std::is_standard_layout_v<decision>,
              "a batch is answered in place");

/** One request of a batch. The key must outlive the call. */
class request {
public:
    /** A request of no key and no cost, to be written over. */
    constexpr request() noexcept = default;
    /** From a std::string_view, a std::string or a literal. */
    template <typename Key, typename = std::enable_if_t<std::is_convertible_v<const Key &, std::string_view>>>
    constexpr request(const Key &key, std::uint64_t cost = 1) noexcept : request(as_view, key, cost) {}

    /** As C has it. */
    [[nodiscard]] constexpr const sluice_request &raw() const noexcept { return raw_; }

private:
    static constexpr struct view_tag {} as_view{};
    constexpr request(view_tag, std::string_view key, std::uint64_t cost) noexcept
        : raw_{key.data(), key.size(), cost} {}

    sluice_request raw_{nullptr, 0, 0};
};
static_assert(sizeof(request) == sizeof(sluice_request) && std::is_standard_layout_v<request>,
              "a batch is passed in place");

/**
 * One policy over one table of keys. Can be moved and not copied.
 *
 * Safe from any number of threads at once. A limiter that was moved from may be assigned to and destroyed; it denies
 * whatever it is asked.
 */
class limiter {
public:
    /** Makes a limiter, or says why not. */
    [[nodiscard]] static result<limiter> create(std::string_view policy, options chosen = {}) {
        const auto raw_options = raw_of(chosen);
        return make_with(policy, [&](const char *text, sluice_limiter **out) {
            return sluice_limiter_new_with(text, &raw_options, out);
        });
    }
    /** Makes a limiter with room for `max_keys`, of which there must be one. */
    [[nodiscard]] static result<limiter> create(std::string_view policy, std::uint64_t max_keys) {
        return make_with(policy, [&](const char *text, sluice_limiter **out) {
            return sluice_limiter_new(text, max_keys, out);
        });
    }

    /**
     * Makes a limiter on the table in the file at `path`, which it makes or joins: all processes that have it open
     * enforce one limit, and the file keeps the state. See `sluice_limiter_open`.
     */
    [[nodiscard]] static result<limiter> open(std::string_view path, std::string_view policy, options chosen = {}) {
        if (path.find('\0') != std::string_view::npos) {
            return error{SLUICE_ERR_ARGUMENT, "the path has a NUL in it"};
        }
        const auto raw_options = raw_of(chosen);
        const std::string place(path);
        return make_with(policy, [&](const char *text, sluice_limiter **out) {
            return sluice_limiter_open_with(place.c_str(), text, &raw_options, out);
        });
    }
    /** The same with room for `max_keys`; 0 for the default of 1000000. */
    [[nodiscard]] static result<limiter> open(std::string_view path, std::string_view policy, std::uint64_t max_keys) {
        options chosen;
        chosen.max_keys = max_keys;
        return open(path, policy, chosen);
    }

    /**
     * Makes a limiter on a table in memory that processes share, for as many keys as fit; the memory is all zero or a
     * table already, aligned to 128 bytes, and outlives the limiter. See `sluice_limiter_attach`.
     */
    [[nodiscard]] static result<limiter> attach(void *region, std::size_t size, std::string_view policy,
                                                options chosen = {}) {
        const auto raw_options = raw_of(chosen);
        return make_with(policy, [&](const char *text, sluice_limiter **out) {
            return sluice_limiter_attach_with(region, size, text, &raw_options, out);
        });
    }
    /** How many bytes of memory `attach` needs for `max_keys`; 0 if either is wrong. */
    [[nodiscard]] static std::size_t region_size(std::string_view policy, std::uint64_t max_keys) {
        return policy.find('\0') == std::string_view::npos ? sluice_region_size(std::string(policy).c_str(), max_keys) : 0;
    }

#if defined(__cpp_exceptions)
    /** Makes a limiter, or throws `sluicegate::exception`. */
    explicit limiter(std::string_view policy, options chosen = {}) : limiter(or_throw(create(policy, chosen))) {}
    /** The same with room for `max_keys`, of which there must be one. */
    limiter(std::string_view policy, std::uint64_t max_keys) : limiter(or_throw(create(policy, max_keys))) {}
#endif

    /** Decides on `cost` permits for `key` now, all or none. */
    sluicegate::decision check(std::string_view key, std::uint64_t cost = 1) const noexcept {
        return answer([&](sluice_decision *out) { return sluice_check(raw(), key.data(), key.size(), cost, out); });
    }
    /** The same at a time of the caller's own. */
    sluicegate::decision check_at(std::string_view key, std::uint64_t cost, time_point now) const noexcept {
        return answer([&](sluice_decision *out) {
            return sluice_check_at(raw(), key.data(), key.size(), cost, unix_ns(now), out);
        });
    }
    /** Answers as `check` would, and consumes nothing. */
    sluicegate::decision peek(std::string_view key, std::uint64_t cost = 1) const noexcept {
        return answer([&](sluice_decision *out) { return sluice_peek(raw(), key.data(), key.size(), cost, out); });
    }
    /** The same at a time of the caller's own. */
    sluicegate::decision peek_at(std::string_view key, std::uint64_t cost, time_point now) const noexcept {
        return answer([&](sluice_decision *out) {
            return sluice_peek_at(raw(), key.data(), key.size(), cost, unix_ns(now), out);
        });
    }

    /**
     * Decides on `n` requests in order at one reading of the clock, and writes `n` decisions.
     *
     * False, and nothing decided or written, if a pointer is NULL or the two overlap.
     */
    [[nodiscard]] bool check_many(const request *requests, std::size_t n, sluicegate::decision *out) const noexcept {
        return sluice_check_many(raw(), raw_of(requests), n, raw_of(out)) == SLUICE_OK;
    }
    /** The same at a time of the caller's own. */
    [[nodiscard]] bool check_many_at(const request *requests, std::size_t n, time_point now,
                                     sluicegate::decision *out) const noexcept {
        return sluice_check_many_at(raw(), raw_of(requests), n, unix_ns(now), raw_of(out)) == SLUICE_OK;
    }
    /** A batch in any two containers with data() and size(). False too if there are fewer decisions than requests. */
    template <typename Requests, typename Decisions>
    [[nodiscard]] bool check_many(const Requests &requests, Decisions &out) const noexcept {
        return out.size() >= requests.size() && check_many(requests.data(), requests.size(), out.data());
    }

    /** Gives permits back, never beyond fresh: for a request that turned out not to count. */
    void refund(std::string_view key, std::uint64_t cost = 1) const noexcept {
        static_cast<void>(sluice_refund(raw(), key.data(), key.size(), cost));
    }
    /** The same at a time of the caller's own. */
    void refund_at(std::string_view key, std::uint64_t cost, time_point now) const noexcept {
        static_cast<void>(sluice_refund_at(raw(), key.data(), key.size(), cost, unix_ns(now)));
    }
    /**
     * Gives back what a decision has charged, unless it has lapsed, and tells how the key stands then: for a request that
     * turns out not to count when it has been served. `charged_at` is a time no later than the check's.
     */
    sluicegate::decision refund_charge(std::string_view key, std::uint64_t cost, const sluicegate::decision &charge,
                                       time_point charged_at) const noexcept {
        sluice_decision out{};
        static_cast<void>(sluice_refund_charge(raw(), key.data(), key.size(), cost, &charge.raw(), unix_ns(charged_at), &out));
        return sluicegate::decision(out);
    }
    /** Forgets the key. */
    void reset(std::string_view key) const noexcept {
        static_cast<void>(sluice_reset(raw(), key.data(), key.size()));
    }

    /** The time of the limiter's clock, as the calls take it that are not told theirs. */
    [[nodiscard]] time_point now() const noexcept {
        std::uint64_t unix_ns = 0;
        static_cast<void>(sluice_now(raw(), &unix_ns));
        return time_point(nanoseconds(static_cast<nanoseconds::rep>(unix_ns)));
    }

    /** What the limiter holds and has done. Passes over the whole table: for monitoring. */
    [[nodiscard]] sluice_limiter_stats stats() const noexcept {
        sluice_limiter_stats stats = SLUICE_LIMITER_STATS_INIT;
        static_cast<void>(sluice_stats(raw(), &stats));
        return stats;
    }
    /** The policy as text. */
    [[nodiscard]] std::string policy() const {
        std::array<char, SLUICE_POLICY_TEXT_MAX> text{};
        static_cast<void>(sluice_limiter_policy(raw(), text.data(), text.size()));
        return text.data();
    }
    /** Whether the file that the limiter opened still is the one under that name: if not, it is time to open it anew.
     *  Always so for a table in no file, and never for a limiter that was moved from. */
    [[nodiscard]] bool is_current() const noexcept {
        std::uint32_t current = 0;
        static_cast<void>(sluice_limiter_is_current(raw(), &current));
        return current != 0;
    }
    /** As C has it; still this object's to free. */
    [[nodiscard]] const sluice_limiter *raw() const noexcept { return raw_.get(); }

private:
    struct free {
        void operator()(sluice_limiter *raw) const noexcept { sluice_limiter_free(raw); }
    };

    explicit limiter(sluice_limiter *raw) noexcept : raw_(raw) {}

    template <typename Make>
    static result<limiter> make_with(std::string_view policy, Make make) {
        if (policy.find('\0') != std::string_view::npos) {
            return error{SLUICE_ERR_POLICY, "the policy has a NUL in it"};
        }
        sluice_limiter *raw = nullptr;
        const auto status = make(std::string(policy).c_str(), &raw);
        if (status == SLUICE_OK) {
            return limiter(raw);
        }
        return detail::failure(status);
    }

#if defined(__cpp_exceptions)
    static limiter or_throw(result<limiter> made) {
        if (!made) {
            throw exception(made.error());
        }
        return std::move(*made);
    }
#endif

    static sluice_options raw_of(options chosen) noexcept {
        return {sizeof(sluice_options),
                chosen.max_keys,
                static_cast<std::uint32_t>(chosen.when_full),
                static_cast<std::uint32_t>(chosen.clock),
                chosen.replace,
                !chosen.prefault};
    }

    /* Times before 1970 are late ones: they earn nothing, like 1970 itself. */
    static constexpr std::uint64_t unix_ns(time_point now) noexcept {
        const auto ns = now.time_since_epoch().count();
        return ns < 0 ? 0 : static_cast<std::uint64_t>(ns);
    }

    static const sluice_request *raw_of(const request *requests) noexcept {
        return reinterpret_cast<const sluice_request *>(requests);
    }
    static sluice_decision *raw_of(sluicegate::decision *decisions) noexcept {
        return reinterpret_cast<sluice_decision *>(decisions);
    }

    template <typename Call>
    static sluicegate::decision answer(Call call) noexcept {
        sluice_decision raw{0, 0, 0, 0, SLUICE_NEVER, 0, 0};
        static_cast<void>(call(&raw));
        return sluicegate::decision(raw);
    }

    std::unique_ptr<sluice_limiter, free> raw_;
};

/** What one limit is asked for. The limiter and the key must outlive the call. */
class charge {
public:
    /** `cost` permits of a limiter for a key: a std::string_view, a std::string or a literal. */
    charge(const limiter &of, std::string_view key, std::uint64_t cost = 1) noexcept
        : raw_{of.raw(), key.data(), key.size(), cost} {}
    charge(limiter &&, std::string_view, std::uint64_t = 1) = delete;

    /** As C has it. */
    [[nodiscard]] const sluice_charge &raw() const noexcept { return raw_; }

private:
    sluice_charge raw_;
};
static_assert(sizeof(charge) == sizeof(sluice_charge) && std::is_standard_layout_v<charge>,
              "charges are passed in place");

/**
 * Decides on one request that several limits hold: charged to all of them if all allow it, else to none.
 *
 * True if it is allowed. `out` receives an answer of each limit; where one denies, the others say what they would have
 * answered. False, and nothing decided or written, if a limiter was moved from, a pointer is NULL, or the two overlap.
 * See `sluice_check_all`.
 */
[[nodiscard]] inline bool check_all(const charge *charges, std::size_t n, decision *out) noexcept {
    std::uint32_t allowed = 0;
    const int32_t status = sluice_check_all(reinterpret_cast<const sluice_charge *>(charges), n,
                                            reinterpret_cast<sluice_decision *>(out), &allowed);
    return status == SLUICE_OK && allowed != 0;
}
/** The same in any two containers with data() and size(). False too if there are fewer decisions than charges. */
template <typename Charges, typename Decisions>
[[nodiscard]] bool check_all(const Charges &charges, Decisions &out) noexcept {
    return out.size() >= charges.size() && check_all(charges.data(), charges.size(), out.data());
}
static_assert(sizeof(limiter) == sizeof(sluice_limiter *), "the wrapper adds nothing");

} // namespace sluicegate

#endif // SLUICEGATE_HPP
