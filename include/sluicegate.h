/*
 * sluicegate: an embeddable rate limiter.
 *
 * Give it a key (a client address, a user, an API key) and it answers, in nanoseconds, whether this request is
 * within the limit, and everything an HTTP 429 answer needs when it is not.
 *
 * A complete program:
 *
 *     #include <inttypes.h>
 *     #include <stdio.h>
 *     #include <sluicegate.h>
 *
 *     int main(void) {
 *         sluice_limiter *limiter = NULL;
 *         if (sluice_limiter_new("token-bucket 100/s burst=200", 1000000, &limiter) != SLUICE_OK) {
 *             char text[SLUICE_ERROR_TEXT_MAX];
 *             sluice_last_error(text, sizeof text);
 *             fprintf(stderr, "%s\n", text);
 *             return 1;
 *         }
 *
 *         sluice_decision decision;
 *         if (sluice_check(limiter, "203.0.113.10", 12, 1, &decision) != SLUICE_OK) {
 *             return 1; // a NULL pointer in the line above, and nothing else
 *         }
 *         if (decision.allowed) {
 *             printf("200 OK, %" PRIu64 " left\n", decision.remaining);
 *         } else if (decision.retry_after_ns != SLUICE_NEVER) {
 *             // In whole seconds rounded up: a client that comes back a second later is let in.
 *             uint64_t seconds = decision.retry_after_ns / 1000000000 + (decision.retry_after_ns % 1000000000 != 0);
 *             printf("429 Too Many Requests, Retry-After: %" PRIu64 "\n", seconds);
 *         } else {
 *             printf("429 Too Many Requests\n");
 *         }
 *
 *         sluice_limiter_free(limiter);
 *         return 0;
 *     }
 *
 *     cc program.c $(pkg-config --cflags --libs sluicegate)
 *
 * A server makes one limiter when it starts, calls sluice_check from all its threads, and frees the limiter when
 * they have ended.
 *
 * Several processes enforce one limit by a shared table. Those that can name a file have each of them open it: the first
 * makes it, and it keeps its state when the last is gone. Those that a parent forks can do without a file: the parent
 * maps sluice_region_size bytes with MAP_SHARED and MAP_ANONYMOUS, and parent and children attach to them.
 *
 *     sluice_limiter_open("/dev/shm/api.table", "token-bucket 100/s", 1000000, &limiter);
 *     sluice_limiter_attach(region, size, "token-bucket 100/s", &limiter);
 *
 * Every process may be killed at any instant: the others go on, and the limit holds.
 *
 * What an HTTP server answers is made of decisions too, of one or of several on one request. A sluice_quota gives a limiter's
 * policy the name that clients see; sluice_answer_outcome tells the status, sluice_answer_header_lines and
 * sluice_answer_headers the header fields, sluice_answer_body a body as JSON, as a page or as text.
 *
 *     sluice_quota_of("hourly", limiter, &quota); // once
 *     sluice_verdict verdict = {quota, &decision, 1, NULL, 0};
 *     sluice_answer answer = {sizeof answer, NULL, &verdict, 1, now};
 *     sluice_answer_header_lines(&answer, headers, sizeof headers, &length);
 *
 * Rules that hold for every function:
 *
 *   threads     Every function is safe to call from any thread. One limiter serves all threads at once, without a lock
 *               of the caller's; only sluice_limiter_free needs it for itself. The library starts no thread, installs
 *               no handler, reads no environment and keeps nothing outside of its limiters but the text of each
 *               thread's last failure. A child after fork() goes on with the parent's limiters: with a copy of its own
 *               of one from sluice_limiter_new, with the same table where that is in a file or in shared memory.
 *   statuses    Whatever can fail returns an int32_t: SLUICE_OK (0) or a number below 0. A denied request is no
 *               failure. sluice_last_error has the text behind the last failure of the calling thread: which argument,
 *               what was wrong with it, what would be right.
 *   arguments   NULL, misaligned and absurd arguments are refused with SLUICE_ERR_ARGUMENT. What the library cannot see
 *               is the caller's to keep: that a pointer is good for what is read or written there, that a text ends
 *               with a NUL, that a limiter has not been freed.
 *   outputs     Written on success only; on a failure they are left as they were. What a text needs is told also where its
 *               buffer is too small, and then the buffer holds nothing of use.
 *   ownership   The library keeps no pointer it is given. All that the caller must give back are the limiters, quotas,
 *               settings, identities and retry policies that a function ending in _new, _of, _open or _attach, or one of their _with forms, has made: by
 *               the function ending in _free.
 *   units       Times are nanoseconds, points in time count from 1970-01-01 00:00 UTC, costs and limits are permits.
 *   numbers     Constants keep their values and structs their layout as long as SLUICE_ABI_VERSION is the same.
 */


#ifndef SLUICEGATE_H
#define SLUICEGATE_H

/* Generated by cbindgen from src/ffi and cbindgen.toml; tests/header.rs compares. Do not edit. */

#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
#define SLUICE_NOEXCEPT noexcept
#else
#define SLUICE_NOEXCEPT
#endif

#if defined(__GNUC__)
#define SLUICE_API __attribute__((visibility("default")))
#else
#define SLUICE_API
#endif

/** What to begin a `sluice_options` with: all defaults. */
#define SLUICE_OPTIONS_INIT {sizeof(sluice_options), 0, SLUICE_ON_FULL_EVICT, SLUICE_CLOCK_MONOTONIC, 0, 0}

/** What to begin a `sluice_limiter_stats` with. */
#define SLUICE_LIMITER_STATS_INIT {sizeof(sluice_limiter_stats), 0, 0, 0, 0, 0, 0, 0}

/** What to begin a `sluice_http_options` with: all defaults. */
#define SLUICE_HTTP_OPTIONS_INIT {sizeof(sluice_http_options), 0, SLUICE_RETRY_AFTER_SECONDS, 0, 0, NULL, NULL, NULL, NULL}

/** What to begin a `sluice_answer` with: all defaults, and no verdicts. */
#define SLUICE_ANSWER_INIT {sizeof(sluice_answer), NULL, NULL, 0, 0}

/** What to begin a `sluice_outcome` with. */
#define SLUICE_OUTCOME_INIT {sizeof(sluice_outcome), 0, 0, NULL, 0, 0}

/** What to begin a `sluice_identity_options` with: all defaults. */
#define SLUICE_IDENTITY_OPTIONS_INIT {sizeof(sluice_identity_options), NULL, NULL, 0, 0, 0, 0}

/** What to begin a `sluice_retry_options` with: all defaults. */
#define SLUICE_RETRY_OPTIONS_INIT {sizeof(sluice_retry_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL}

/** What to begin a `sluice_attempt` with: the first one, of no method yet. */
#define SLUICE_ATTEMPT_INIT {sizeof(sluice_attempt), NULL, 1, 0, 0, 0, 0}

/** So many bytes hold the header lines of an answer with `n` verdicts, their NUL included. */
#define SLUICE_HEADER_LINES_MAX(n) (512 + 768 * (size_t)(n))

/** So many bytes hold the body of an answer with `n` verdicts, its NUL included. */
#define SLUICE_BODY_MAX(n) (16384 + 192 * (size_t)(n))


/**
 * The release of this header, of which `sluice_version` is the text for the library that was linked.
 */
#define SLUICE_VERSION_MAJOR 0

/**
 * See `SLUICE_VERSION_MAJOR`.
 */
#define SLUICE_VERSION_MINOR 1

/**
 * See `SLUICE_VERSION_MAJOR`.
 */
#define SLUICE_VERSION_PATCH 0

/**
 * The release as one number for `#if`: 1000000 × major + 1000 × minor + patch, 1000 for 0.1.0.
 */
#define SLUICE_VERSION_NUMBER (((SLUICE_VERSION_MAJOR * 1000000) + (SLUICE_VERSION_MINOR * 1000)) + SLUICE_VERSION_PATCH)

/**
 * The binary interface of this header. A program may run with any library whose `sluice_abi_version` is the same.
 */
#define SLUICE_ABI_VERSION 1

/**
 * The call did what it says. Whether a request is allowed is not a status: see `sluice_decision`.
 */
#define SLUICE_OK 0

/**
 * An argument is NULL where it must not be, or out of its range. Nothing was done.
 */
#define SLUICE_ERR_ARGUMENT -1

/**
 * The text of a policy is wrong, or its numbers are out of range.
 */
#define SLUICE_ERR_POLICY -2

/**
 * The operating system refused something: a file, or random bytes for the table's secret seed.
 */
#define SLUICE_ERR_IO -3

/**
 * A file, or memory of the caller's, is no table of this format, or a damaged one. It was left as it was.
 */
#define SLUICE_ERR_FORMAT -4

/**
 * A shared table has another policy or size than was asked for. It was left as it was.
 */
#define SLUICE_ERR_MISMATCH -5

/**
 * The caller's buffer is too small.
 */
#define SLUICE_ERR_BUFFER -6

/**
 * No memory for the table.
 */
#define SLUICE_ERR_MEMORY -7

/**
 * A bug in the library. The call may have been carried out or not; the limiter remains usable.
 */
#define SLUICE_ERR_INTERNAL -8

/**
 * A buffer of so many bytes holds the text of any failure, its NUL included.
 */
#define SLUICE_ERROR_TEXT_MAX 1024

/**
 * When more keys are live than fit, the new key takes the place of one that has consumed least. The default.
 */
#define SLUICE_ON_FULL_EVICT 0

/**
 * When more keys are live than fit, requests of new keys are denied with `SLUICE_REASON_TABLE_FULL`.
 */
#define SLUICE_ON_FULL_DENY 1

/**
 * When more keys are live than fit, requests of new keys are allowed, uncounted, with `SLUICE_REASON_TABLE_FULL`.
 */
#define SLUICE_ON_FULL_ALLOW 2

/**
 * A monotonic clock, precise to the nanosecond, that knows the wall time it started from. The default.
 */
#define SLUICE_CLOCK_MONOTONIC 0

/**
 * A clock several times cheaper to read that moves in steps of the kernel's tick (1 to 10 ms), never ahead.
 */
#define SLUICE_CLOCK_COARSE 1

/**
 * The coarse clock where a step of it is of no account to the policy: where what can be taken at one instant takes a tenth
 * of a second or longer to come back. Else the monotonic one.
 */
#define SLUICE_CLOCK_BY_POLICY 2

/**
 * A buffer of so many bytes holds the text of any policy, its NUL included.
 */
#define SLUICE_POLICY_TEXT_MAX 128

/**
 * `retry_after_ns` of a denial that waiting cannot cure.
 */
#define SLUICE_NEVER 18446744073709551615ull

/**
 * Nothing stands against the request.
 */
#define SLUICE_REASON_NONE 0

/**
 * The key has used up its limit for now.
 */
#define SLUICE_REASON_LIMIT 1

/**
 * The cost is above the capacity, or the limit is 0: the request can never fit.
 */
#define SLUICE_REASON_COST_EXCEEDS_LIMIT 2

/**
 * More keys are live than fit, and `on_full` is deny, or allow, which allows the request without counting it.
 */
#define SLUICE_REASON_TABLE_FULL 3

/**
 * The time given is after the year 2079, the last that fits a key's state.
 */
#define SLUICE_REASON_TIME_OUT_OF_RANGE 4

/**
 * The table's memory holds what no limiter has written: somebody else writes to it. The request is denied.
 */
#define SLUICE_REASON_TABLE_DAMAGED 5

/**
 * `X-RateLimit-Limit`, `-Remaining` and `-Reset`, the last in Unix seconds.
 */
#define SLUICE_FAMILY_X_RATELIMIT 1

/**
 * `RateLimit-Policy` and `RateLimit` as in the newest revision of draft-ietf-httpapi-ratelimit-headers, which is 11.
 */
#define SLUICE_FAMILY_IETF 2

/**
 * The draft's revision 06: `RateLimit-Limit`, `-Remaining`, `-Reset` (in seconds to go) and `RateLimit-Policy`.
 */
#define SLUICE_FAMILY_DRAFT_06 4

/**
 * The draft's revision 07: `RateLimit` as a dictionary, and `RateLimit-Policy`. Never together with
 * `SLUICE_FAMILY_IETF`, whose `RateLimit` is a list.
 */
#define SLUICE_FAMILY_DRAFT_07 8

/**
 * Says that two revisions of the draft on one answer are meant, which is an error otherwise.
 */
#define SLUICE_FAMILY_MIXED 16

/**
 * No such fields: `Retry-After` alone. Goes together with no other.
 */
#define SLUICE_FAMILY_NONE 32

/**
 * `Retry-After` as seconds to wait. The default.
 */
#define SLUICE_RETRY_AFTER_SECONDS 0

/**
 * `Retry-After` as an HTTP-date.
 */
#define SLUICE_RETRY_AFTER_DATE 1

/**
 * JSON with `status`, `error`, `message`, `code`, `retryAfter` (seconds), `limit`, `remaining` and `reset` (Unix seconds).
 * Where waiting does not help, `retryAfter` and `reset` are left out.
 */
#define SLUICE_BODY_JSON 0

/**
 * JSON with `error`, `message`, `limit`, `remaining`, `resetAt` (RFC 3339, UTC) and `retryAfter` (seconds). Where waiting
 * does not help, `retryAfter` and `resetAt` are left out.
 */
#define SLUICE_BODY_JSON_RESET_AT 1

/**
 * JSON by RFC 9457 with `type`, `title`, `status`, `detail` and `violated-policies`.
 */
#define SLUICE_BODY_PROBLEM 2

/**
 * A page for people, complete in itself: no script, nothing to load.
 */
#define SLUICE_BODY_HTML 3

/**
 * Plain text.
 */
#define SLUICE_BODY_TEXT 4

/**
 * NAT64's addresses in 64:ff9b::/96 count as the IPv4 address in them.
 */
#define SLUICE_EMBEDDED_NAT64 1

/**
 * 6to4's addresses in 2002::/16 count as the IPv4 address in them.
 */
#define SLUICE_EMBEDDED_6TO4 2

/**
 * Teredo's addresses in 2001::/32 count as the client's IPv4 address in them.
 */
#define SLUICE_EMBEDDED_TEREDO 4

/**
 * The client's address is the peer's: there is no proxy in front, none that is trusted, or it has sent no header.
 */
#define SLUICE_SOURCE_PEER 0

/**
 * The client's address is from the header.
 */
#define SLUICE_SOURCE_HEADER 1

/**
 * The header has no address where the client's would be, so it is that of the last good hop: a sign of a proxy that is set
 * up otherwise than was said.
 */
#define SLUICE_SOURCE_FALLBACK 2

/**
 * A part of a key: a client's address, as `sluice_client` has it in `key`.
 */
#define SLUICE_PART_ADDRESS 0

/**
 * A part of a key: a user, who has proved to be one.
 */
#define SLUICE_PART_USER 1

/**
 * A part of a key: a header's name and its value.
 */
#define SLUICE_PART_HEADER 2

/**
 * A part of a key: something else, under a name.
 */
#define SLUICE_PART_NAMED 3

/**
 * The longest key of an address, in bytes.
 */
#define SLUICE_CLIENT_KEY_MAX 18

/**
 * A buffer of so many bytes holds the text of any client, its NUL included.
 */
#define SLUICE_CLIENT_TEXT_MAX 64

/**
 * Read header fields as the standards' grammars have them, and nothing else.
 */
#define SLUICE_RETRY_STRICT 1

/**
 * Try every method again on a 429: for a service that is known to count requests before it acts on any.
 */
#define SLUICE_RETRY_ANY_METHOD_ON_429 2

/**
 * Add nothing by chance to a wait that the server has named.
 */
#define SLUICE_RETRY_NO_JITTER 4

/**
 * The request may be sent twice without harm whatever its method: it has an `Idempotency-Key`, say.
 */
#define SLUICE_ATTEMPT_REPEATABLE 1

/**
 * The request's body cannot be sent again.
 */
#define SLUICE_ATTEMPT_BODY_IS_GONE 2

/**
 * There is a retry.
 */
#define SLUICE_GIVE_UP_NOT 0

/**
 * The response is none that is tried again, as most are.
 */
#define SLUICE_GIVE_UP_STATUS 1

/**
 * The server asks not to be asked again.
 */
#define SLUICE_GIVE_UP_SERVER_FORBIDS 2

/**
 * The method is not idempotent, and nothing says that the request can be repeated without harm.
 */
#define SLUICE_GIVE_UP_METHOD 3

/**
 * The request's body is gone.
 */
#define SLUICE_GIVE_UP_BODY 4

/**
 * There have been as many attempts as there may be.
 */
#define SLUICE_GIVE_UP_ATTEMPTS 5

/**
 * The server asks for a longer wait than is accepted.
 */
#define SLUICE_GIVE_UP_SERVER_WAIT 6

/**
 * The next attempt would begin after the deadline.
 */
#define SLUICE_GIVE_UP_DEADLINE 7

/**
 * Too few requests go well for so many retries.
 */
#define SLUICE_GIVE_UP_BUDGET 8

/**
 * The server has not said when to come back.
 */
#define SLUICE_HINT_NONE 0

/**
 * The server has named a time by `Retry-After`, or by `retry-after-ms` and its like.
 */
#define SLUICE_HINT_RETRY_AFTER 1

/**
 * The server has named a time by the IETF draft's `RateLimit`.
 */
#define SLUICE_HINT_RATE_LIMIT 2

/**
 * The server has named a time by `X-RateLimit-Reset` and its like.
 */
#define SLUICE_HINT_RESET 3

/**
 * How HTTP answers look, checked once: made by `sluice_http_settings_new`, given back by `sluice_http_settings_free`. It
 * never changes, so one serves any number of threads at once.
 */
typedef struct sluice_http_settings sluice_http_settings;

/**
 * How clients are told apart, checked once: made by `sluice_identity_new`, given back by `sluice_identity_free`. It never
 * changes, so one serves any number of threads at once.
 */
typedef struct sluice_identity sluice_identity;

/**
 * One policy over one table of keys. Made by `sluice_limiter_new`, `_open` or `_attach`, given back by
 * `sluice_limiter_free`.
 *
 * One limiter serves any number of threads at once; every function that takes a `const sluice_limiter *` may be
 * called from all of them without a lock. A child process after fork() has a copy of its own, or the same table where
 * that is in a file or in memory that the processes share.
 */
typedef struct sluice_limiter sluice_limiter;

/**
 * A list of networks, checked once: made by `sluice_networks_new`, given back by `sluice_networks_free`. It never changes,
 * so one serves any number of threads at once.
 */
typedef struct sluice_networks sluice_networks;

/**
 * A policy under the name that HTTP answers call it by, made once for each limiter: by `sluice_quota_new` or
 * `sluice_quota_of`, given back by `sluice_quota_free`. It never changes, so one serves any number of threads at once.
 */
typedef struct sluice_quota sluice_quota;

/**
 * When requests are tried again, checked once: made by `sluice_retry_new`, given back by `sluice_retry_free`. It serves
 * any number of threads at once, who share its budget.
 */
typedef struct sluice_retry sluice_retry;

/**
 * A limiter in memory that processes share, whose policy can be replaced while all of them use it. Made by
 * `sluice_zone_attach`, given back by `sluice_zone_free`.
 *
 * For a server that forks its workers, and new ones when its configuration changes, which share the memory with the
 * old ones for a while. Threads and processes may use it as they may a `sluice_limiter`, and it inherited by fork() is the
 * same zone.
 */
typedef struct sluice_zone sluice_zone;

/**
 * What a limiter may be told beyond its policy. Begin with `SLUICE_OPTIONS_INIT`, then set what should differ; 0
 * stands for the default in every field but the first.
 *
 * Later releases add fields at the end. A program that was compiled with a shorter struct gets the defaults for
 * the rest; one that was compiled with a longer one works as long as the fields unknown here are 0.
 */
typedef struct sluice_options {
    /**
     * sizeof(sluice_options), as the caller was compiled.
     */
    size_t struct_size;
    /**
     * How many keys can be live at once before `on_full` applies; 0 for the default of 1000000.
     */
    uint64_t max_keys;
    /**
     * One of `SLUICE_ON_FULL_*`.
     */
    uint32_t on_full;
    /**
     * One of `SLUICE_CLOCK_*`: the time of the calls that are not told theirs.
     */
    uint32_t clock;
    /**
     * For `sluice_limiter_open_with`: 1 to replace a table file that has another policy, and keep what its keys
     * have consumed; 0 to be told of it by `SLUICE_ERR_MISMATCH`.
     */
    uint32_t replace;
    /**
     * 1 to have the table's memory come page by page, each with the first check that reaches it, which waits until the
     * system has made it (half a millisecond for a huge page); 0 to take all of it when the limiter is made.
     */
    uint32_t no_prefault;
} sluice_options;

/**
 * The answer to one request: all of it from the same atomic step. Times are in nanoseconds and count from the
 * time of the request.
 */
typedef struct sluice_decision {
    /**
     * 1 if the request is within the limit and has consumed its cost; 0 if it is denied and has consumed nothing.
     */
    uint32_t allowed;
    /**
     * One of `SLUICE_REASON_*`. Later releases may add others.
     */
    uint32_t reason;
    /**
     * The policy's limit, in permits.
     */
    uint64_t limit;
    /**
     * Permits left after this decision, rounded down: the largest cost that would be admitted at the same
     * instant.
     */
    uint64_t remaining;
    /**
     * On a denial: how long until the same request is admitted if nobody else asks for the key; a nanosecond
     * earlier it is denied. `SLUICE_NEVER` where waiting cannot help, 0 when allowed.
     */
    uint64_t retry_after_ns;
    /**
     * How long until the key is as one never seen. Fixed window: until its window ends.
     */
    uint64_t reset_after_ns;
    /**
     * Leaky bucket: how long to hold an allowed request so that requests leave at the constant rate. Else 0.
     */
    uint64_t delay_ns;
} sluice_decision;

/**
 * One request of a batch.
 */
typedef struct sluice_request {
    /**
     * `key_len` bytes of any content: who asks. May be NULL if `key_len` is 0.
     */
    const void *key;
    /**
     * The length of the key in bytes.
     */
    size_t key_len;
    /**
     * How many permits the request takes; 1 for an ordinary one.
     */
    uint64_t cost;
} sluice_request;

/**
 * What one limit is asked for: permits of a limiter for a key.
 */
typedef struct sluice_charge {
    /**
     * Who decides; not NULL.
     */
    const struct sluice_limiter *limiter;
    /**
     * `key_len` bytes of any content: who asks. May be NULL if `key_len` is 0.
     */
    const void *key;
    /**
     * The length of the key in bytes.
     */
    size_t key_len;
    /**
     * How many permits the request takes; 1 for an ordinary one.
     */
    uint64_t cost;
} sluice_charge;

/**
 * What a limiter holds and has done. Begin with `SLUICE_LIMITER_STATS_INIT`.
 *
 * Later releases add fields at the end. As many are filled as `struct_size` says there is room for; a program
 * that was compiled with more of them than the library knows finds 0 in the rest.
 */
typedef struct sluice_limiter_stats {
    /**
     * sizeof(sluice_limiter_stats), as the caller was compiled. Set before the call.
     */
    size_t struct_size;
    /**
     * Keys that can be live at once before `on_full` applies: the `max_keys` of the limiter.
     */
    uint64_t capacity;
    /**
     * Keys that are live now, that is, not as one never seen.
     */
    uint64_t live_keys;
    /**
     * The table's size in bytes. It never changes.
     */
    uint64_t memory_bytes;
    /**
     * How often a key was given a slot, since the limiter was made. So are the counts that follow.
     */
    uint64_t inserted;
    /**
     * How often a live key had to give way to a new one.
     */
    uint64_t evicted;
    /**
     * Requests denied with `SLUICE_REASON_TABLE_FULL`.
     */
    uint64_t refused_full;
    /**
     * Requests allowed uncounted with `SLUICE_REASON_TABLE_FULL`.
     */
    uint64_t allowed_full;
} sluice_limiter_stats;

/**
 * What one zone is asked for: permits for a key.
 */
typedef struct sluice_zone_charge {
    /**
     * Who decides; not NULL.
     */
    const struct sluice_zone *zone;
    /**
     * `key_len` bytes of any content: who asks. May be NULL if `key_len` is 0.
     */
    const void *key;
    /**
     * The length of the key in bytes.
     */
    size_t key_len;
    /**
     * How many permits the request takes; 1 for an ordinary one.
     */
    uint64_t cost;
} sluice_zone_charge;

/**
 * How HTTP answers may be told to look. Begin with `SLUICE_HTTP_OPTIONS_INIT`, then set what should differ; 0 or NULL
 * stands for the default in every field but the first. Texts end with a NUL and are copied.
 *
 * It grows as `sluice_options` does.
 */
typedef struct sluice_http_options {
    /**
     * sizeof(sluice_http_options), as the caller was compiled.
     */
    size_t struct_size;
    /**
     * Some of `SLUICE_FAMILY_*`, combined by `|`; 0 for `SLUICE_FAMILY_X_RATELIMIT | SLUICE_FAMILY_IETF`.
     */
    uint32_t families;
    /**
     * One of `SLUICE_RETRY_AFTER_*`.
     */
    uint32_t retry_after;
    /**
     * The status of a denial for the client's own excess, 400 to 599; 0 for 429, which is what clients understand.
     */
    uint32_t status;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * The member `code` of JSON bodies: 1 to 64 printable ASCII characters; NULL for "rate_limit_exceeded".
     */
    const char *code;
    /**
     * What denials tell people: one line of 1 to 1024 bytes of UTF-8; NULL for a sentence that says what happened and when
     * to try again.
     */
    const char *message;
    /**
     * The `type` of problem details: a URI of 1 to 256 characters; NULL for the IETF draft's.
     */
    const char *problem_type;
    /**
     * The name of a parameter that tells a policy's burst in `RateLimit-Policy`, such as "acme-burst": 1 to 32 of
     * a-z 0-9 _ - . *; NULL for none.
     */
    const char *burst_parameter;
} sluice_http_options;

/**
 * One decision on a request, and the policy that it was made by.
 */
typedef struct sluice_verdict {
    /**
     * The policy, under its name; not NULL.
     */
    const struct sluice_quota *quota;
    /**
     * The decision, from `sluice_check` or any other function that gives one; not NULL.
     */
    const struct sluice_decision *decision;
    /**
     * How many permits the request asked for, where it was not 1: tells which of several policies binds most.
     */
    uint64_t cost;
    /**
     * Bytes by which clients can tell one partition of the quota from another, which they see; NULL for none. Do not use
     * what is secret or personal.
     */
    const void *partition_key;
    /**
     * The length of the partition key in bytes, at most 96.
     */
    size_t partition_key_len;
} sluice_verdict;

/**
 * A request's answer, of which its status, headers and body are asked. Begin with `SLUICE_ANSWER_INIT`. It grows as
 * `sluice_options` does.
 */
typedef struct sluice_answer {
    /**
     * sizeof(sluice_answer), as the caller was compiled.
     */
    size_t struct_size;
    /**
     * How answers look; NULL for all defaults.
     */
    const struct sluice_http_settings *settings;
    /**
     * `n` verdicts on the request, always in the same order; NULL only if `n` is 0.
     */
    const struct sluice_verdict *verdicts;
    /**
     * How many: 1 for most, 0 for a request that nobody limits. Up to 16 need no memory beyond the stack.
     */
    size_t n;
    /**
     * When the decisions were made, in nanoseconds since 1970-01-01 00:00 UTC: what the answer says of the future counts
     * from it.
     */
    uint64_t now_unix_ns;
} sluice_answer;

/**
 * What the verdicts on a request come to. Begin with `SLUICE_OUTCOME_INIT`. It grows as `sluice_limiter_stats` does.
 */
typedef struct sluice_outcome {
    /**
     * sizeof(sluice_outcome), as the caller was compiled. Set before the call.
     */
    size_t struct_size;
    /**
     * 1 if all verdicts allow the request, else 0.
     */
    uint32_t allowed;
    /**
     * 200 if it is allowed; 429, or the settings' status, if the client has asked for too much; 503 if a limiter could not
     * count, which is none of the client's doing: `SLUICE_REASON_TABLE_FULL`, `_TABLE_DAMAGED`, `_TIME_OUT_OF_RANGE`.
     */
    uint32_t status;
    /**
     * The phrase that belongs to the status, such as "Too Many Requests". Valid for ever, nothing to free.
     */
    const char *reason_phrase;
    /**
     * On a denial that waiting cures: whole seconds, at least 1, after which the request is admitted if nobody else asks
     * for its keys in between. Else 0.
     */
    uint64_t retry_after_s;
    /**
     * The place of the verdict whose numbers stand in `X-RateLimit-*` and in bodies; `n` if there are none. On a denial that
     * with the longest wait of those that deny, else the one that binds most.
     */
    size_t speaking;
} sluice_outcome;

/**
 * Receives one header field: the context that was given, the field's name, such as "Retry-After", and its value, which is
 * printable ASCII. Neither ends with a NUL, and both last as long as the call only. It must return.
 */
typedef void (*sluice_header_visitor)(void *context,
                                      const char *name,
                                      size_t name_len,
                                      const char *value,
                                      size_t value_len);

/**
 * How clients may be told apart. Begin with `SLUICE_IDENTITY_OPTIONS_INIT`, then set what should differ; 0 or NULL stands
 * for the default in every field but the first. Texts end with a NUL and are read during the call only.
 *
 * It grows as `sluice_options` does.
 */
typedef struct sluice_identity_options {
    /**
     * sizeof(sluice_identity_options), as the caller was compiled.
     */
    size_t struct_size;
    /**
     * The one header that names clients; NULL for "X-Forwarded-For". "Forwarded" has the grammar of RFC 7239, every
     * other is a list of addresses.
     */
    const char *header;
    /**
     * The proxies that are trusted: "none", a number of hops such as "2", or networks and addresses with commas between
     * them, such as "10.0.0.0/8, 2001:db8::/32", also "loopback", "private" and "unix". NULL for none.
     */
    const char *proxies;
    /**
     * How many bits of an IPv6 address count, from 1 to 128; 0 for 64.
     */
    uint32_t ipv6_prefix;
    /**
     * How many bits of an IPv4 address count, from 1 to 32; 0 for 32.
     */
    uint32_t ipv4_prefix;
    /**
     * Some of `SLUICE_EMBEDDED_*`, combined by `|`. IPv4-mapped addresses always count as IPv4.
     */
    uint32_t embedded;
    /**
     * 0.
     */
    uint32_t reserved;
} sluice_identity_options;

/**
 * Bytes of any content, which are read during a call only.
 */
typedef struct sluice_bytes {
    /**
     * `len` bytes. May be NULL if `len` is 0.
     */
    const void *data;
    /**
     * How many.
     */
    size_t len;
} sluice_bytes;

/**
 * Who a request comes from.
 */
typedef struct sluice_client {
    /**
     * What the client is counted by: the key for `sluice_check`, of which the first `key_len` bytes count. The others
     * are 0.
     */
    uint8_t key[24];
    /**
     * At most `SLUICE_CLIENT_KEY_MAX`.
     */
    uint32_t key_len;
    /**
     * One of `SLUICE_SOURCE_*`: how the address was found.
     */
    uint32_t source;
    /**
     * The client's whole address in network byte order, of which the first `address_len` bytes count. The others are 0.
     */
    uint8_t address[16];
    /**
     * 4, 16, or 0 for a client that has none. An IPv4-mapped IPv6 address is one of IPv4.
     */
    uint32_t address_len;
    /**
     * 0.
     */
    uint32_t reserved;
} sluice_client;

/**
 * One part of a key.
 */
typedef struct sluice_key_part {
    /**
     * One of `SLUICE_PART_*`.
     */
    uint32_t kind;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * The name of a header or of a named part; (NULL, 0) for the others. A header's is the same in upper and lower case.
     */
    const void *name;
    /**
     * The length of the name in bytes.
     */
    size_t name_len;
    /**
     * The part's value, bytes of any content and length. May be NULL if `value_len` is 0.
     */
    const void *value;
    /**
     * The length of the value in bytes.
     */
    size_t value_len;
} sluice_key_part;

/**
 * When requests may be tried again. Begin with `SLUICE_RETRY_OPTIONS_INIT`, then set what should differ; 0 or NULL stands
 * for the default in every field but the first. Times are in nanoseconds and go up to 366 days.
 *
 * It grows as `sluice_options` does.
 */
typedef struct sluice_retry_options {
    /**
     * sizeof(sluice_retry_options), as the caller was compiled.
     */
    size_t struct_size;
    /**
     * Own back-off, for a response that does not say when: a chance between 50 ms and this, doubled for every further
     * attempt; 0 for 500 ms.
     */
    uint64_t base_ns;
    /**
     * The most that own back-off grows to; 0 for 30 s.
     */
    uint64_t cap_ns;
    /**
     * How long after the beginning of the first attempt the last one may begin; 0 for 300 s.
     */
    uint64_t deadline_ns;
    /**
     * The longest wait that a server may ask for; beyond it there is no retry. 0 for 120 s.
     */
    uint64_t max_server_wait_ns;
    /**
     * The most that is added by chance to a wait that the server has named; 0 for 30 s.
     */
    uint64_t max_jitter_ns;
    /**
     * The same in percent of that wait, up to 100; 0 for 10.
     */
    uint32_t jitter_percent;
    /**
     * How many attempts there are in all, the first included, up to 1000; 0 for 4.
     */
    uint32_t max_attempts;
    /**
     * How many retries may come without a time that the server has named: while more than half of so many tokens are
     * left, of which each such response takes one; up to 1000000. 0 for no such bound.
     */
    uint32_t budget_tokens;
    /**
     * How much of a token a response gives back that goes well, in percent, up to 100; 0 for 20.
     */
    uint32_t budget_percent;
    /**
     * Some of `SLUICE_RETRY_*`, combined by `|`.
     */
    uint32_t flags;
    /**
     * How many statuses there are at `statuses`.
     */
    uint32_t n_statuses;
    /**
     * How many there are at `statuses_with_hint`.
     */
    uint32_t n_statuses_with_hint;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * The statuses that are tried again, from 400 to 599; NULL for 429 and 503, and 413 where it says when.
     */
    const uint16_t *statuses;
    /**
     * More that are tried again only where the response says when, such as the 403 of GitHub; NULL for none.
     */
    const uint16_t *statuses_with_hint;
} sluice_retry_options;

/**
 * The attempt whose response has come. Begin with `SLUICE_ATTEMPT_INIT`. It grows as `sluice_options` does.
 */
typedef struct sluice_attempt {
    /**
     * sizeof(sluice_attempt), as the caller was compiled.
     */
    size_t struct_size;
    /**
     * The request's method, such as "GET", ended by a NUL; not NULL.
     */
    const char *method;
    /**
     * Which attempt it was: the first is number 1.
     */
    uint32_t number;
    /**
     * The response's status.
     */
    uint32_t status;
    /**
     * How long ago the first attempt began, in nanoseconds, by a monotonic clock.
     */
    uint64_t elapsed_ns;
    /**
     * Some of `SLUICE_ATTEMPT_*`, combined by `|`.
     */
    uint32_t flags;
    /**
     * 0.
     */
    uint32_t reserved;
} sluice_attempt;

/**
 * One header field of a response: bytes of any content.
 */
typedef struct sluice_header {
    /**
     * The name, in upper or lower case. May be NULL if `name_len` is 0.
     */
    const void *name;
    /**
     * The length of the name in bytes.
     */
    size_t name_len;
    /**
     * The value. May be NULL if `value_len` is 0.
     */
    const void *value;
    /**
     * The length of the value in bytes.
     */
    size_t value_len;
} sluice_header;

/**
 * What to do about a response.
 */
typedef struct sluice_advice {
    /**
     * 1 to ask again after `wait_ns`; 0 to let the caller have this response.
     */
    uint32_t retry;
    /**
     * One of `SLUICE_GIVE_UP_*`: why there is no retry.
     */
    uint32_t reason;
    /**
     * How long to wait before the next attempt, in nanoseconds; 0 if there is none.
     */
    uint64_t wait_ns;
    /**
     * Where there is no retry: how long the server wants to be left alone, in nanoseconds; `SLUICE_NEVER` where it has not
     * said so. Else 0. More than 584 years are told as 1 less than `SLUICE_NEVER`.
     */
    uint64_t come_back_ns;
} sluice_advice;

/**
 * What a response says of coming back.
 */
typedef struct sluice_hint {
    /**
     * One of `SLUICE_HINT_*`: which field says so.
     */
    uint32_t source;
    /**
     * 1 if the server asks not to be asked again, else 0.
     */
    uint32_t forbids_retry;
    /**
     * How long to wait at least, in nanoseconds; 0 for a time that has come already, `SLUICE_NEVER` where nothing is said.
     * More than 584 years are told as 1 less than `SLUICE_NEVER`.
     */
    uint64_t wait_ns;
} sluice_hint;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The release of the library that was linked, such as "0.1.0".
 *
 * Never NULL, valid for ever, nothing to free. Safe from any thread. Since 0.1.0.
 */
SLUICE_API const char *sluice_version(void) SLUICE_NOEXCEPT;

/**
 * The binary interface of the library that was linked: see `SLUICE_ABI_VERSION`.
 *
 * It is raised when a program compiled with an older header would no longer work. Safe from any thread. Since
 * 0.1.0.
 */
SLUICE_API uint32_t sluice_abi_version(void) SLUICE_NOEXCEPT;

/**
 * A fixed English sentence for a status, without the particulars that `sluice_last_error` knows.
 *
 * Never NULL, valid for ever, nothing to free. A number that is no status has a sentence too.
 * Safe from any thread. Since 0.1.0.
 */
SLUICE_API const char *sluice_status_message(int32_t status) SLUICE_NOEXCEPT;

/**
 * Copies the text of this thread's last failure, as UTF-8 and ended by a NUL, into the caller's buffer.
 *
 * * `buf`: where to; may be NULL, to ask for the size alone
 * * `cap`: the bytes at `buf`, of which `SLUICE_ERROR_TEXT_MAX` are always enough; where they are too few, the
 *   text is cut, and ended by a NUL still
 *
 * Returns the bytes that the whole text needs with its NUL: at most `SLUICE_ERROR_TEXT_MAX`, and 1 (an empty
 * text) where no call on this thread has failed. Each failure replaces the text; success leaves it as it is, so
 * read it right after a status below 0. One line, no newline at its end. Other threads' failures are never seen
 * here. Since 0.1.0.
 *
 * # Safety
 * `buf` is NULL or good for writing `cap` bytes.
 */
SLUICE_API size_t sluice_last_error(char *buf, size_t cap) SLUICE_NOEXCEPT;

/**
 * Makes a limiter on the heap, with the defaults for all that is not said.
 *
 * * `policy`: "ALGORITHM LIMIT/PERIOD [burst=N]", ended by a NUL; read during the call only. Algorithms are
 *   fixed-window, sliding-window, token-bucket and leaky-bucket; units ns us ms s m h d. For example
 *   "token-bucket 100/s burst=200", "fixed-window 5000/1h", "sliding-window 100/60m", "leaky-bucket 10/s
 *   burst=20". Limits and bursts go to 4294967295, rates to 10^9 a second, periods from 1us to 3653d.
 * * `max_keys`: how many keys can be live at once before one has to give way, from 1; 24 bytes each, all of which
 *   are taken now and never more
 * * `out`: receives the limiter, the caller's to free; left as it was on an error
 *
 * Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, `SLUICE_ERR_POLICY`, `SLUICE_ERR_MEMORY` or `SLUICE_ERR_IO`;
 * `sluice_last_error` says what was wrong, where, and what would be right. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `policy` is NULL or ends with a NUL; `out` is NULL or good for writing a pointer.
 */
SLUICE_API
int32_t sluice_limiter_new(const char *policy,
                           uint64_t max_keys,
                           struct sluice_limiter **out)
SLUICE_NOEXCEPT;

/**
 * Makes a limiter on the heap, with options.
 *
 * * `policy`, `out`: as for `sluice_limiter_new`
 * * `options`: read during the call only; NULL for all defaults
 *
 * Returns as `sluice_limiter_new` does; `SLUICE_ERR_ARGUMENT` too for an option out of its range, and for a
 * `struct_size` that is none or whose tail asks for something unknown here. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_limiter_new`; `options` is NULL or good for reading its `struct_size` bytes.
 */
SLUICE_API
int32_t sluice_limiter_new_with(const char *policy,
                                const struct sluice_options *options,
                                struct sluice_limiter **out)
SLUICE_NOEXCEPT;

/**
 * Frees a limiter. NULL is none, and nothing happens.
 *
 * A table that is in a file, or in memory of the caller's, stays there with all that it holds.
 *
 * * `limiter`: from `sluice_limiter_new`, `_open`, `_attach` or one of their `_with` forms; no other thread may be
 *   using it, and nobody may afterwards
 *
 * Since 0.1.0.
 *
 * # Safety
 * `limiter` is NULL or a limiter that was not freed before and that nobody uses now or later.
 */
SLUICE_API void sluice_limiter_free(struct sluice_limiter *limiter) SLUICE_NOEXCEPT;

/**
 * Copies the text of the limiter's policy, ended by a NUL, into the caller's buffer: the shortest text that makes
 * the same policy.
 *
 * * `limiter`: not NULL
 * * `buf`: where to, not NULL
 * * `cap`: the bytes at `buf`; `SLUICE_POLICY_TEXT_MAX` are always enough
 *
 * Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the text does not fit, and then
 * nothing is written. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `limiter` is NULL or a limiter that is not freed before this returns; `buf` is NULL or good for writing `cap`
 * bytes.
 */
SLUICE_API
int32_t sluice_limiter_policy(const struct sluice_limiter *limiter,
                              char *buf,
                              size_t cap)
SLUICE_NOEXCEPT;

/**
 * Makes a limiter on the table in a file, which it makes or joins: all processes that have it open enforce one limit.
 * After the last one is gone the file keeps the state.
 *
 * * `path`: ended by a NUL; read during the call only. The file is made with mode 0600, whole or not at all. On
 *   /dev/shm it lasts as long as the machine runs, on a disk beyond that. Not on a network file system.
 * * `policy`, `max_keys`: as for `sluice_limiter_new`, and the same in all processes
 * * `out`: receives the limiter, the caller's to free; left as it was on an error
 *
 * Everything in the file is looked at before anything is used, and a file that does not fit is left as it was.
 * Returns `SLUICE_OK`; `SLUICE_ERR_IO` for a file that cannot be made or opened, or is on a network file system;
 * `SLUICE_ERR_FORMAT` for one that is no table of this format, is damaged, or may be written by strangers (it belongs
 * to this user or to root, or its group is one of the process's and may write); `SLUICE_ERR_MISMATCH` for a table with
 * another policy or size; or as `sluice_limiter_new` does. A process that is killed at any instant harms no other. A
 * file that is cut short while it is in use ends its processes by SIGBUS: remove it instead. What happens in other
 * events is told in src/shared_tables.rs. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `path` and `policy` are NULL or end with a NUL; `out` is NULL or good for writing a pointer.
 */
SLUICE_API
int32_t sluice_limiter_open(const char *path,
                            const char *policy,
                            uint64_t max_keys,
                            struct sluice_limiter **out)
SLUICE_NOEXCEPT;

/**
 * Makes a limiter on the table in a file, with options.
 *
 * * `path`, `policy`, `out`: as for `sluice_limiter_open`
 * * `options`: read during the call only; NULL for all defaults. With `replace`, a table with another policy gives way
 *   to a new file with this one, in which each key has consumed what it had; limiters that have the old file open go
 *   on with it until they open it anew (see `sluice_limiter_is_current`).
 *
 * Returns as `sluice_limiter_open` and `sluice_limiter_new_with` do. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_limiter_open`; `options` is NULL or good for reading its `struct_size` bytes.
 */
SLUICE_API
int32_t sluice_limiter_open_with(const char *path,
                                 const char *policy,
                                 const struct sluice_options *options,
                                 struct sluice_limiter **out)
SLUICE_NOEXCEPT;

/**
 * How many bytes of memory a table for `max_keys` keys takes, for `sluice_limiter_attach`.
 *
 * * `policy`, `max_keys`: as for `sluice_limiter_new`
 *
 * Returns the bytes, or 0 where one of the two is wrong (`sluice_last_error` says which). Safe from any thread.
 * Since 0.1.0.
 *
 * # Safety
 * `policy` is NULL or ends with a NUL.
 */
SLUICE_API size_t sluice_region_size(const char *policy, uint64_t max_keys) SLUICE_NOEXCEPT;

/**
 * Makes a limiter on a table in memory of the caller's, which several processes may share: it makes the table there if
 * the memory is all zero, and joins it if there is one.
 *
 * * `region`: `size` bytes, aligned to 128, readable and writable as long as the limiter lives; only limiters may
 *   touch them from the first attach on. The limiter is for as many keys as fit (see `sluice_region_size`).
 * * `policy`: as for `sluice_limiter_new`, and the same in all processes
 * * `out`: receives the limiter, the caller's to free (which leaves the memory as it is); left as it was on an error
 *
 * Returns `SLUICE_OK`; `SLUICE_ERR_FORMAT` for memory that is too small, not aligned, or neither zero nor a table;
 * `SLUICE_ERR_MISMATCH` for a table with another policy or size; or as `sluice_limiter_new` does. Safe from any
 * thread and any process at once. Since 0.1.0.
 *
 * # Safety
 * `region` is NULL or as above; `policy` is NULL or ends with a NUL; `out` is NULL or good for writing a pointer.
 */
SLUICE_API
int32_t sluice_limiter_attach(void *region,
                              size_t size,
                              const char *policy,
                              struct sluice_limiter **out)
SLUICE_NOEXCEPT;

/**
 * Makes a limiter on a table in memory of the caller's, with options.
 *
 * * `region`, `size`, `policy`, `out`: as for `sluice_limiter_attach`
 * * `options`: read during the call only; NULL for all defaults. `max_keys` and `replace` have no meaning here.
 *
 * Returns as `sluice_limiter_attach` and `sluice_limiter_new_with` do. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_limiter_attach`; `options` is NULL or good for reading its `struct_size` bytes.
 */
SLUICE_API
int32_t sluice_limiter_attach_with(void *region,
                                   size_t size,
                                   const char *policy,
                                   const struct sluice_options *options,
                                   struct sluice_limiter **out)
SLUICE_NOEXCEPT;

/**
 * Whether the file that the limiter opened still is the one under that name.
 *
 * * `limiter`: not NULL
 * * `current`: receives 1, or 0 where the file was removed or replaced: whoever opens it now shares another table, so
 *   it is time to open it anew. Always 1 for a table that is in no file. Not NULL; left as it was on an error.
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Asks the operating system each time. Safe from any thread. Since
 * 0.1.0.
 *
 * # Safety
 * `limiter` is NULL or a limiter that is not freed before this returns; `current` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_limiter_is_current(const struct sluice_limiter *limiter,
                                  uint32_t *current)
SLUICE_NOEXCEPT;

/**
 * Decides on `cost` permits for a key now, all or none, and consumes them if they are allowed.
 *
 * * `limiter`: not NULL
 * * `key`, `key_len`: who asks, bytes of any content and length, read during the call only; (NULL, 0) is the
 *   empty key, a key like any other
 * * `cost`: 1 for an ordinary request; 0 is always allowed and consumes nothing
 * * `out`: receives the answer, not NULL; left as it was on an error
 *
 * Returns `SLUICE_OK` whether the request is allowed or not (look at `out->allowed`), or `SLUICE_ERR_ARGUMENT`.
 * Safe from any number of threads at once: the limit holds under every order of them. It takes no lock, waits for
 * nobody and allocates nothing. Since 0.1.0.
 *
 * # Safety
 * `limiter` is NULL or a limiter that is not freed before this returns; `key` is good for reading `key_len`
 * bytes; `out` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_check(const struct sluice_limiter *limiter,
                     const void *key,
                     size_t key_len,
                     uint64_t cost,
                     struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * Decides as `sluice_check` does, at a time of the caller's own.
 *
 * * `now_unix_ns`: nanoseconds since 1970-01-01 00:00 UTC. Times may come in any order; a late one never earns
 *   anything. After August 2079 every cost above 0 is denied with `SLUICE_REASON_TIME_OUT_OF_RANGE`.
 *
 * All else as for `sluice_check`. Use either the calls with a time or those without it for one limiter, or know
 * that both count from 1970. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_check`.
 */
SLUICE_API
int32_t sluice_check_at(const struct sluice_limiter *limiter,
                        const void *key,
                        size_t key_len,
                        uint64_t cost,
                        uint64_t now_unix_ns,
                        struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * Decides on a batch in order, as if by `sluice_check` for each, at one reading of the clock. Several times
 * faster than one after another once the table is larger than the processor's caches.
 *
 * * `limiter`: not NULL
 * * `requests`: `n` of them, not changed during the call; NULL only if `n` is 0
 * * `n`: how many; 0 does nothing
 * * `out`: receives `n` answers in the same order; NULL only if `n` is 0; it must not overlap `requests` or the
 *   keys
 *
 * Returns `SLUICE_OK`, or `SLUICE_ERR_ARGUMENT` if anything is wrong with any of the requests, and then none is
 * decided and `out` is left as it was. Safe from any number of threads at once. Since 0.1.0.
 *
 * # Safety
 * `limiter` is NULL or a limiter that is not freed before this returns; `requests` is NULL or good for reading
 * `n` of them, and each one's key for its length; `out` is NULL or good for writing `n`.
 */
SLUICE_API
int32_t sluice_check_many(const struct sluice_limiter *limiter,
                          const struct sluice_request *requests,
                          size_t n,
                          struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * Decides on a batch as `sluice_check_many` does, all of it at `now_unix_ns`, a time as for `sluice_check_at`.
 * Since 0.1.0.
 *
 * # Safety
 * As for `sluice_check_many`.
 */
SLUICE_API
int32_t sluice_check_many_at(const struct sluice_limiter *limiter,
                             const struct sluice_request *requests,
                             size_t n,
                             uint64_t now_unix_ns,
                             struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * Answers as `sluice_check` would, and consumes nothing. With a cost of 0 it tells how the key stands.
 *
 * Arguments, statuses and threads as for `sluice_check`. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_check`.
 */
SLUICE_API
int32_t sluice_peek(const struct sluice_limiter *limiter,
                    const void *key,
                    size_t key_len,
                    uint64_t cost,
                    struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * Answers as `sluice_check_at` would, and consumes nothing.
 *
 * Arguments, statuses and threads as for `sluice_check_at`. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_check`.
 */
SLUICE_API
int32_t sluice_peek_at(const struct sluice_limiter *limiter,
                       const void *key,
                       size_t key_len,
                       uint64_t cost,
                       uint64_t now_unix_ns,
                       struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * Decides on one request that several limits hold, one a second and one a day, say, at the time of each limiter's
 * clock: charged to all of them if all allow it, else to none.
 *
 * * `charges`: `n` of them, not changed during the call; NULL only if `n` is 0. The same limiter, or the same key, may
 *   come twice and is charged twice
 * * `n`: how many; 0 is a request that nothing limits
 * * `out`: receives `n` answers in the same order; NULL only if `n` is 0; it must not overlap `charges` or the keys.
 *   Where one limit denies, the others that would have allowed say how they stand: allowed, and nothing was consumed
 * * `allowed`: receives 1 if all allow, else 0; not NULL
 *
 * All are asked first and charged after, so a denial writes nothing. If another request takes the last permit of one
 * limit between the two, what was already charged to the others is given back at once; until then it counts, so that a
 * third request may be denied that would have been allowed a moment later. Never is one too many admitted.
 *
 * Returns `SLUICE_OK` whether the request is allowed or not, or `SLUICE_ERR_ARGUMENT` if anything is wrong with any of
 * the charges, and then none is decided and nothing is written. Safe from any number of threads at once. It takes no
 * lock and waits for nobody, and allocates nothing for up to 8 limits. Since 0.1.0.
 *
 * # Safety
 * `charges` is NULL or good for reading `n` of them, each one's key for its length, and each one's limiter is not freed
 * before this returns; `out` is NULL or good for writing `n`; `allowed` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_check_all(const struct sluice_charge *charges,
                         size_t n,
                         struct sluice_decision *out,
                         uint32_t *allowed)
SLUICE_NOEXCEPT;

/**
 * Decides as `sluice_check_all` does, for all limits at `now_unix_ns`, a time as for `sluice_check_at`. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_check_all`.
 */
SLUICE_API
int32_t sluice_check_all_at(const struct sluice_charge *charges,
                            size_t n,
                            uint64_t now_unix_ns,
                            struct sluice_decision *out,
                            uint32_t *allowed)
SLUICE_NOEXCEPT;

/**
 * Gives `cost` permits back to a key, never beyond fresh: for a request that turned out not to count.
 *
 * * `limiter`: not NULL
 * * `key`, `key_len`: as for `sluice_check`
 * * `cost`: permits; more than the key has consumed are not an error
 *
 * In a fixed window they go back to the current window only. Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe
 * from any number of threads at once. Since 0.1.0.
 *
 * # Safety
 * `limiter` is NULL or a limiter that is not freed before this returns; `key` is good for reading `key_len`
 * bytes.
 */
SLUICE_API
int32_t sluice_refund(const struct sluice_limiter *limiter,
                      const void *key,
                      size_t key_len,
                      uint64_t cost)
SLUICE_NOEXCEPT;

/**
 * Gives permits back as `sluice_refund` does, at `now_unix_ns`, a time as for `sluice_check_at`. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_refund`.
 */
SLUICE_API
int32_t sluice_refund_at(const struct sluice_limiter *limiter,
                         const void *key,
                         size_t key_len,
                         uint64_t cost,
                         uint64_t now_unix_ns)
SLUICE_NOEXCEPT;

/**
 * Gives back what one decision has charged, unless it has lapsed, and tells how the key stands then: for a request that
 * turns out not to count when it has been served, which may take long.
 *
 * `sluice_refund` takes permits off whatever the key has consumed by then; after a new window has begun, or a bucket has
 * been full in between, that is what others have consumed. This gives back nothing then.
 *
 * * `limiter`: not NULL
 * * `key`, `key_len`, `cost`: as they were for the check
 * * `charge`: its decision, not NULL; one that was denied or not counted has charged nothing
 * * `charged_at_unix_ns`: a time no later than the check's, such as `sluice_now` before it
 * * `out`: receives how the key stands, as a check of cost 0 would tell it; not NULL, may be `charge`; left as it was on
 *   an error
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_refund`; `charge` is NULL or good for reading, `out` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_refund_charge(const struct sluice_limiter *limiter,
                             const void *key,
                             size_t key_len,
                             uint64_t cost,
                             const struct sluice_decision *charge,
                             uint64_t charged_at_unix_ns,
                             struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * Gives a charge back as `sluice_refund_charge` does, at `now_unix_ns`, a time as for `sluice_check_at`. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_refund_charge`.
 */
SLUICE_API
int32_t sluice_refund_charge_at(const struct sluice_limiter *limiter,
                                const void *key,
                                size_t key_len,
                                uint64_t cost,
                                const struct sluice_decision *charge,
                                uint64_t charged_at_unix_ns,
                                uint64_t now_unix_ns,
                                struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * Forgets a key, whatever the time: its next request is that of a key never seen.
 *
 * * `limiter`: not NULL
 * * `key`, `key_len`: as for `sluice_check`; a key never seen is not an error
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_refund`.
 */
SLUICE_API
int32_t sluice_reset(const struct sluice_limiter *limiter,
                     const void *key,
                     size_t key_len)
SLUICE_NOEXCEPT;

/**
 * Tells the time as the calls take it that are not told theirs: of the limiter's clock, in nanoseconds since
 * 1970-01-01 00:00 UTC.
 *
 * For who needs the time of a decision beside it, as HTTP answers do: read it here and decide by `sluice_check_at`.
 *
 * * `limiter`: not NULL
 * * `out`: receives the time, not NULL; left as it was on an error
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once. Since 0.1.0.
 *
 * # Safety
 * `limiter` is NULL or a limiter that is not freed before this returns; `out` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_now(const struct sluice_limiter *limiter,
                   uint64_t *out)
SLUICE_NOEXCEPT;

/**
 * Tells what a limiter holds and has done.
 *
 * * `limiter`: not NULL
 * * `out`: its `struct_size` set, not NULL; receives the numbers, or is left as it was on an error
 *
 * Passes over the whole table: for monitoring, not for every request. Returns `SLUICE_OK` or
 * `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once. Since 0.1.0.
 *
 * # Safety
 * `limiter` is NULL or a limiter that is not freed before this returns; `out` is NULL or good for reading and
 * writing its `struct_size` bytes.
 */
SLUICE_API
int32_t sluice_stats(const struct sluice_limiter *limiter,
                     struct sluice_limiter_stats *out)
SLUICE_NOEXCEPT;

/**
 * Tells what `sluice_stats` does, as of `now_unix_ns`, a time as for `sluice_check_at`: for limiters whose checks are
 * told their time. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_stats`.
 */
SLUICE_API
int32_t sluice_stats_at(const struct sluice_limiter *limiter,
                        uint64_t now_unix_ns,
                        struct sluice_limiter_stats *out)
SLUICE_NOEXCEPT;

/**
 * Decides on one permit for a key now, as `sluice_check` with a cost of 1 does, and returns the answer itself.
 *
 * * `limiter`: not NULL
 * * `key`, `key_len`: as for `sluice_check`, the length in 32 bits
 *
 * For bindings that make an object of what a call returns and pass numbers of 32 bits most cheaply. There is no
 * status: a NULL `limiter`, or a NULL `key` of a length above 0, gets a denial whose `limit` is 0, whose `reason` is
 * `SLUICE_REASON_NONE` and whose `retry_after_ns` is `SLUICE_NEVER`, which no key of a limiter gets, and
 * `sluice_last_error` says what was wrong. Safe from any number of threads at once. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_check`.
 */
SLUICE_API
struct sluice_decision sluice_check_by_value(const struct sluice_limiter *limiter,
                                             const void *key,
                                             uint32_t key_len)
SLUICE_NOEXCEPT;

/**
 * Decides on a batch as `sluice_check_many` does, with all keys in one piece of memory.
 *
 * * `limiter`: not NULL
 * * `keys`, `size`: the bytes of all keys, one behind the other; NULL only if `size` is 0
 * * `lengths`: the length of each key in bytes, `size` in all; or NULL where the keys have no zero byte in them and
 *   one stands between each two
 * * `costs`: how many permits each request takes; NULL where each takes 1
 * * `n`: how many requests; 0 does nothing
 * * `out`: receives `n` answers in the same order; NULL only if `n` is 0; it must not overlap the rest
 *
 * Returns `SLUICE_OK`, or `SLUICE_ERR_ARGUMENT` if the keys are not as many or as long as is said, and then none
 * is decided and `out` is left as it was. Safe from any number of threads at once. Since 0.1.0.
 *
 * # Safety
 * `limiter` is NULL or a limiter that is not freed before this returns; `keys` is good for reading `size` bytes;
 * `lengths` and `costs` are NULL or good for reading `n` numbers each; `out` is NULL or good for writing `n`.
 */
SLUICE_API
int32_t sluice_check_packed(const struct sluice_limiter *limiter,
                            const void *keys,
                            size_t size,
                            const uint64_t *lengths,
                            const uint64_t *costs,
                            size_t n,
                            struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * Decides on a batch as `sluice_check_packed` does, all of it at `now_unix_ns`, a time as for `sluice_check_at`.
 * Since 0.1.0.
 *
 * # Safety
 * As for `sluice_check_packed`.
 */
SLUICE_API
int32_t sluice_check_packed_at(const struct sluice_limiter *limiter,
                               const void *keys,
                               size_t size,
                               const uint64_t *lengths,
                               const uint64_t *costs,
                               size_t n,
                               uint64_t now_unix_ns,
                               struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * How many keys a table of so many bytes has room for: the largest `max_keys` for which `sluice_region_size` is no
 * more. 0 where the bytes are too few for any table. Safe from any thread. Since 0.1.0.
 */
SLUICE_API uint64_t sluice_region_keys(size_t size) SLUICE_NOEXCEPT;

/**
 * How many bytes of memory a zone takes in which `max_keys` keys can be live at once: twice a table's, and a page.
 *
 * Half of it takes no memory of the system's but while a policy is being replaced. Returns the bytes, or 0 for a number
 * out of range (`sluice_last_error` says which is in it). Safe from any thread. Since 0.1.0.
 */
SLUICE_API
size_t sluice_zone_size(uint64_t max_keys)
SLUICE_NOEXCEPT;

/**
 * Makes a zone in memory of the caller's, which several processes may share, if the memory is all zero; joins the one
 * that is there else, whatever its policy (see `sluice_zone_policy`, `sluice_zone_replace`).
 *
 * * `memory`: `size` bytes, aligned to 128, readable and writable as long as the zone lives, mapped with MAP_SHARED and
 *   MAP_ANONYMOUS; only zones may touch them from the first attach on. The zone is for as many keys as fit (see
 *   `sluice_zone_size`).
 * * `policy`: as for `sluice_limiter_new`
 * * `options`: read during the call only; NULL for all defaults. `max_keys` and `replace` have no meaning here.
 * * `out`: receives the zone, the caller's to free (which leaves the memory as it is); left as it was on an error
 *
 * Returns `SLUICE_OK`; `SLUICE_ERR_FORMAT` for memory that is too small, not aligned, or neither zero nor a zone of this
 * size; or as `sluice_limiter_new_with` does. Safe from any thread and any process at once. Since 0.1.0.
 *
 * # Safety
 * `memory` is NULL or as above; `policy` is NULL or ends with a NUL; `options` is NULL or good for reading its
 * `struct_size` bytes; `out` is NULL or good for writing a pointer.
 */
SLUICE_API
int32_t sluice_zone_attach(void *memory,
                           size_t size,
                           const char *policy,
                           const struct sluice_options *options,
                           struct sluice_zone **out)
SLUICE_NOEXCEPT;

/**
 * Frees a zone, and leaves the memory as it is. NULL is none, and nothing happens.
 *
 * * `zone`: from `sluice_zone_attach`; no other thread may be using it, and nobody may afterwards
 *
 * The memory may be gone already. Since 0.1.0.
 *
 * # Safety
 * `zone` is NULL or a zone that was not freed before and that nobody uses now or later.
 */
SLUICE_API void sluice_zone_free(struct sluice_zone *zone) SLUICE_NOEXCEPT;

/**
 * Replaces the zone's policy, for all processes at one instant. What each key has consumed stays consumed: as many permits,
 * rounded up, up to all that the new policy allows.
 *
 * * `zone`: not NULL
 * * `policy`: as for `sluice_limiter_new`; nothing happens where it is the same
 *
 * Takes as long as a pass over the table; others go on meanwhile. Only one thread of one process may do this at a time, or
 * what keys have consumed may be forgotten. A process that is killed meanwhile has replaced the policy or has not.
 * Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, `SLUICE_ERR_POLICY`, or `SLUICE_ERR_FORMAT` where somebody else writes to
 * the memory. Since 0.1.0.
 *
 * # Safety
 * `zone` is NULL or a zone that is not freed before this returns; `policy` is NULL or ends with a NUL.
 */
SLUICE_API
int32_t sluice_zone_replace(const struct sluice_zone *zone,
                            const char *policy)
SLUICE_NOEXCEPT;

/**
 * Copies the text of the policy that is in force, ended by a NUL, into the caller's buffer, as `sluice_limiter_policy`
 * does. Since 0.1.0.
 *
 * # Safety
 * `zone` is NULL or a zone that is not freed before this returns; `buf` is NULL or good for writing `cap` bytes.
 */
SLUICE_API
int32_t sluice_zone_policy(const struct sluice_zone *zone,
                           char *buf,
                           size_t cap)
SLUICE_NOEXCEPT;

/**
 * Decides on `cost` permits for a key now, as `sluice_check` does, and tells the time of the decision.
 *
 * * `zone`: not NULL
 * * `key`, `key_len`, `cost`: as for `sluice_check`
 * * `out`: receives the answer, not NULL
 * * `now_unix_ns`: receives its time, by the zone's clock; not NULL
 *
 * Returns `SLUICE_OK` whether the request is allowed or not, or `SLUICE_ERR_ARGUMENT`, and then nothing is written. Safe
 * from any number of threads and processes at once. It takes no lock, waits for nobody, and allocates nothing but after the
 * zone's policy was replaced. Since 0.1.0.
 *
 * # Safety
 * `zone` is NULL or a zone that is not freed before this returns; `key` is good for reading `key_len` bytes; `out` and
 * `now_unix_ns` are NULL or good for writing.
 */
SLUICE_API
int32_t sluice_zone_check(const struct sluice_zone *zone,
                          const void *key,
                          size_t key_len,
                          uint64_t cost,
                          struct sluice_decision *out,
                          uint64_t *now_unix_ns)
SLUICE_NOEXCEPT;

/**
 * Decides on one request that several zones hold, as `sluice_check_all` does for limiters: charged to all of them if all
 * allow it, else to none.
 *
 * * `charges`: `n` of them, not changed during the call; NULL only if `n` is 0. Let their order be the same wherever two
 *   zones hold a request together, or two requests may deny each other.
 * * `n`: how many; 0 is a request that nothing limits
 * * `out`: receives `n` answers in the same order; NULL only if `n` is 0; it must not overlap the rest
 * * `now_unix_ns`: receives the time of each answer, by the zone's clock; NULL only if `n` is 0
 * * `allowed`: receives 1 if all allow, else 0; not NULL
 *
 * Returns `SLUICE_OK` whether the request is allowed or not, or `SLUICE_ERR_ARGUMENT` if anything is wrong with any of
 * the charges, and then none is decided and nothing is written. Safe from any number of threads and processes at once. It
 * takes no lock and waits for nobody, and allocates nothing for up to 8 charges but after a zone's policy was replaced.
 * Since 0.1.0.
 *
 * # Safety
 * `charges` is NULL or good for reading `n` of them, each one's key for its length, and each one's zone is not freed
 * before this returns; `out` and `now_unix_ns` are NULL or good for writing `n`; `allowed` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_zone_check_all(const struct sluice_zone_charge *charges,
                              size_t n,
                              struct sluice_decision *out,
                              uint64_t *now_unix_ns,
                              uint32_t *allowed)
SLUICE_NOEXCEPT;

/**
 * Answers as `sluice_zone_check` would, and consumes nothing. With a cost of 0 it tells how the
 * key stands. Arguments, statuses and threads as for `sluice_peek`. Since 0.1.0.
 *
 * # Safety
 * `zone` is NULL or a zone that is not freed before this returns; `key` is good for reading `key_len` bytes; `out` is NULL
 * or good for writing.
 */
SLUICE_API
int32_t sluice_zone_peek(const struct sluice_zone *zone,
                         const void *key,
                         size_t key_len,
                         uint64_t cost,
                         struct sluice_decision *out)
SLUICE_NOEXCEPT;

/**
 * Gives `cost` permits back to a key, as `sluice_refund` does. Since 0.1.0.
 *
 * # Safety
 * `zone` is NULL or a zone that is not freed before this returns; `key` is good for reading `key_len` bytes.
 */
SLUICE_API
int32_t sluice_zone_refund(const struct sluice_zone *zone,
                           const void *key,
                           size_t key_len,
                           uint64_t cost)
SLUICE_NOEXCEPT;

/**
 * Tells what a zone holds and has done since its policy was replaced, as `sluice_stats` does. Since 0.1.0.
 *
 * # Safety
 * `zone` is NULL or a zone that is not freed before this returns; `out` is NULL or good for reading and writing its
 * `struct_size` bytes.
 */
SLUICE_API
int32_t sluice_zone_stats(const struct sluice_zone *zone,
                          struct sluice_limiter_stats *out)
SLUICE_NOEXCEPT;

/**
 * Names a policy for HTTP answers.
 *
 * * `name`: 1 to 64 printable ASCII characters, ended by a NUL, such as "per-minute"; NULL for "default". Clients see it
 * * `policy`: a text as for `sluice_limiter_new`
 * * `out`: receives the quota, the caller's to free; left as it was on an error
 *
 * Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT` (`sluice_last_error` says what of the name is wrong) or
 * `SLUICE_ERR_POLICY`. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `name` and `policy` are NULL or end with a NUL; `out` is NULL or good for writing a pointer.
 */
SLUICE_API
int32_t sluice_quota_new(const char *name,
                         const char *policy,
                         struct sluice_quota **out)
SLUICE_NOEXCEPT;

/**
 * Names the policy of a limiter for HTTP answers.
 *
 * * `name`, `out`: as for `sluice_quota_new`
 * * `limiter`: not NULL; used during the call only
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `name` is NULL or ends with a NUL; `limiter` is NULL or a limiter that is not freed before this returns; `out` is NULL
 * or good for writing a pointer.
 */
SLUICE_API
int32_t sluice_quota_of(const char *name,
                        const struct sluice_limiter *limiter,
                        struct sluice_quota **out)
SLUICE_NOEXCEPT;

/**
 * Frees a quota. NULL is none, and nothing happens.
 *
 * * `quota`: from `sluice_quota_new` or `sluice_quota_of`; no other thread may be using it, and nobody may afterwards
 *
 * Since 0.1.0.
 *
 * # Safety
 * `quota` is NULL or a quota that was not freed before and that nobody uses now or later.
 */
SLUICE_API
void sluice_quota_free(struct sluice_quota *quota)
SLUICE_NOEXCEPT;

/**
 * Checks how HTTP answers are to look, and keeps it.
 *
 * * `options`: not NULL; read during the call only. Whoever wants all defaults needs no settings: every function takes
 *   NULL for them
 * * `out`: receives the settings, the caller's to free; left as it was on an error
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`; `sluice_last_error` says which option is wrong, where, and what would be
 * right. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `options` is NULL or good for reading its `struct_size` bytes, and its texts are NULL or end with a NUL; `out` is NULL
 * or good for writing a pointer.
 */
SLUICE_API
int32_t sluice_http_settings_new(const struct sluice_http_options *options,
                                 struct sluice_http_settings **out)
SLUICE_NOEXCEPT;

/**
 * Frees settings. NULL is none, and nothing happens.
 *
 * * `settings`: from `sluice_http_settings_new`; no other thread may be using them, and nobody may afterwards
 *
 * Since 0.1.0.
 *
 * # Safety
 * `settings` is NULL or settings that were not freed before and that nobody uses now or later.
 */
SLUICE_API void sluice_http_settings_free(struct sluice_http_settings *settings) SLUICE_NOEXCEPT;

/**
 * Copies the value for `Access-Control-Expose-Headers`, ended by a NUL: the names of all fields that answers may have,
 * none of which a script of another origin sees without it.
 *
 * * `families`: as in `sluice_http_options`
 * * `buf`: where to; NULL only if `cap` is 0
 * * `cap`: the bytes at `buf`; 256 are always enough
 * * `length`: receives the bytes of the text without its NUL, also on `SLUICE_ERR_BUFFER`; not NULL
 *
 * Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the text and its NUL do not fit, and then what is
 * at `buf` is of no use. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `buf` is NULL or good for writing `cap` bytes; `length` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_expose_headers(uint32_t families,
                              char *buf,
                              size_t cap,
                              size_t *length)
SLUICE_NOEXCEPT;

/**
 * Tells what the verdicts on a request come to.
 *
 * * `answer`: not NULL; nothing in it is changed or kept
 * * `out`: its `struct_size` set, not NULL; left as it was on an error
 *
 * Returns `SLUICE_OK`, or `SLUICE_ERR_ARGUMENT` if anything in `answer` is wrong. Safe from any number of threads at once.
 * Since 0.1.0.
 *
 * # Safety
 * `answer` is NULL or good for reading its `struct_size` bytes, and what it points to for reading as long as said;
 * settings and quotas are not freed before this returns; `out` is NULL or good for reading and writing its
 * `struct_size` bytes.
 */
SLUICE_API
int32_t sluice_answer_outcome(const struct sluice_answer *answer,
                              struct sluice_outcome *out)
SLUICE_NOEXCEPT;

/**
 * Hands every header field of an answer to `visit`, in order: `Retry-After` on a denial that waiting cures, the fields of
 * the families chosen, and `Cache-Control: no-store` on a denial.
 *
 * * `answer`: as for `sluice_answer_outcome`
 * * `visit`: called for each field, on this thread, before this returns; not NULL. Put fields in place of those of the
 *   same name that a response has; among them a name comes twice only where a list of very many policies is too long for
 *   one line, and then both lines count
 * * `context`: handed on as it is
 *
 * Returns `SLUICE_OK`, or `SLUICE_ERR_ARGUMENT`, and then no field was handed on. Safe from any number of threads at once;
 * it takes no lock, and allocates nothing for up to 16 verdicts. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_answer_outcome`; `visit` may be called with `context`, returns, and does not throw.
 */
SLUICE_API
int32_t sluice_answer_headers(const struct sluice_answer *answer,
                              sluice_header_visitor visit,
                              void *context)
SLUICE_NOEXCEPT;

/**
 * Writes the header fields of an answer as lines "Name: value\r\n", ended by a NUL: those that `sluice_answer_headers`
 * hands on.
 *
 * * `answer`: as for `sluice_answer_outcome`
 * * `buf`: where to; NULL only if `cap` is 0
 * * `cap`: the bytes at `buf`, of which `SLUICE_HEADER_LINES_MAX(n)` are always enough
 * * `length`: receives the bytes of the lines without their NUL, also on `SLUICE_ERR_BUFFER`; not NULL
 *
 * Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the lines and their NUL do not fit, and then what
 * is at `buf` is of no use. Safe from any number of threads at once; it takes no lock, and allocates nothing for up to
 * 16 verdicts. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_answer_outcome`; `buf` is NULL or good for writing `cap` bytes; `length` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_answer_header_lines(const struct sluice_answer *answer,
                                   char *buf,
                                   size_t cap,
                                   size_t *length)
SLUICE_NOEXCEPT;

/**
 * Nanoseconds as whole seconds, rounded up and at least 1, as `Retry-After` has them; `SLUICE_NEVER` stays.
 *
 * Safe from any thread. Since 0.1.0.
 */
SLUICE_API uint64_t sluice_whole_seconds(uint64_t ns) SLUICE_NOEXCEPT;

/**
 * Writes the body of a denial, ended by a NUL; an empty text where the request is allowed, and the body is the
 * program's.
 *
 * * `answer`: as for `sluice_answer_outcome`
 * * `body`: one of `SLUICE_BODY_*`
 * * `buf`: where to; NULL only if `cap` is 0
 * * `cap`: the bytes at `buf`, of which `SLUICE_BODY_MAX(n)` are always enough
 * * `length`: receives the bytes of the body without its NUL, also on `SLUICE_ERR_BUFFER`; not NULL
 *
 * Whatever names and texts are in it, JSON stays JSON and HTML shows them as text. Returns `SLUICE_OK`,
 * `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the body and its NUL do not fit, and then what is at `buf` is of no use.
 * Safe from any number of threads at once; it takes no lock, and allocates nothing for up to 16 verdicts. Since 0.1.0.
 *
 * # Safety
 * As for `sluice_answer_header_lines`.
 */
SLUICE_API
int32_t sluice_answer_body(const struct sluice_answer *answer,
                           uint32_t body,
                           char *buf,
                           size_t cap,
                           size_t *length)
SLUICE_NOEXCEPT;

/**
 * The value for `Content-Type` that belongs to a body.
 *
 * Never NULL, valid for ever, nothing to free. A number that is no body has "application/octet-stream". Safe from any
 * thread. Since 0.1.0.
 */
SLUICE_API
const char *sluice_body_content_type(uint32_t body)
SLUICE_NOEXCEPT;

/**
 * The body that a request's `Accept` header asks for: that of the highest quality; of equals the one that is named, not only
 * covered by a range; of equals still the one that is offered first.
 *
 * * `accept`, `accept_len`: the header's value, bytes of any content; (NULL, 0) where the request has none
 * * `offered`, `n`: which of `SLUICE_BODY_*` there are, what the server would rather send first; (NULL, 0) for JSON, problem
 *   details, HTML and text. The first is taken without the header, and where it accepts none of them
 * * `out`: receives one of `SLUICE_BODY_*`; not NULL
 *
 * Nothing in the header is an error: a member that is no media range, or whose quality is no number from 0 to 1, counts as
 * if it were not there. Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any thread; it allocates nothing. Since
 * 0.1.0.
 *
 * # Safety
 * `accept` is good for reading `accept_len` bytes and `offered` for reading `n` numbers; `out` is NULL or good for
 * writing.
 */
SLUICE_API
int32_t sluice_body_from_accept(const char *accept,
                                size_t accept_len,
                                const uint32_t *offered,
                                size_t n,
                                uint32_t *out)
SLUICE_NOEXCEPT;

/**
 * Checks how clients are to be told apart, and keeps it.
 *
 * * `options`: not NULL; read during the call only
 * * `out`: receives the identity, the caller's to free; left as it was on an error
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`; `sluice_last_error` says which option is wrong, and what would be right.
 * Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `options` is NULL or good for reading its `struct_size` bytes, and its texts are NULL or end with a NUL; `out` is NULL
 * or good for writing a pointer.
 */
SLUICE_API
int32_t sluice_identity_new(const struct sluice_identity_options *options,
                            struct sluice_identity **out)
SLUICE_NOEXCEPT;

/**
 * Frees an identity. NULL is none, and nothing happens.
 *
 * * `identity`: from `sluice_identity_new`; no other thread may be using it, and nobody may afterwards
 *
 * Since 0.1.0.
 *
 * # Safety
 * `identity` is NULL or an identity that was not freed before and that nobody uses now or later.
 */
SLUICE_API void sluice_identity_free(struct sluice_identity *identity) SLUICE_NOEXCEPT;

/**
 * Finds who a request comes from, and the key by which to count it.
 *
 * * `identity`: NULL for the default: the peer is the client, whatever it sends
 * * `peer`, `peer_len`: the address at the other end of the connection in network byte order: 4 bytes of IPv4 (`sin_addr`),
 *   16 of IPv6 (`sin6_addr`), or (NULL, 0) for a peer that has none (a Unix socket)
 * * `lines`: the values of all lines of the identity's header, in the order in which they came; none is too long or too
 *   strange. NULL only if `n` is 0
 * * `n`: how many; 0 where the request has no such header
 * * `out`: receives the client, not NULL; left as it was on an error
 *
 * The header is looked at only where the peer is trusted, from the right, and up to the first address that is none of a
 * trusted proxy. An entry that is no address ends the way at the last good hop: never at one that anybody could have
 * written. An IPv6 address is cut to the identity's prefix, an IPv4-mapped one is IPv4; ports and zone ids are dropped.
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once; it takes no lock and allocates
 * nothing. Since 0.1.0.
 *
 * # Safety
 * `identity` is NULL or an identity that is not freed before this returns; `peer` is good for reading `peer_len` bytes,
 * `lines` for reading `n` of them, and each for its length; `out` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_client_key(const struct sluice_identity *identity,
                          const void *peer,
                          size_t peer_len,
                          const struct sluice_bytes *lines,
                          size_t n,
                          struct sluice_client *out)
SLUICE_NOEXCEPT;

/**
 * Writes what a client is counted by as text, ended by a NUL, for logs: "203.0.113.10", "2001:db8::/64", or "local" for all
 * that have no address.
 *
 * * `client`: as `sluice_client_key` has filled it, not NULL
 * * `buf`: where to; NULL only if `cap` is 0
 * * `cap`: the bytes at `buf`; `SLUICE_CLIENT_TEXT_MAX` are always enough
 * * `length`: receives the bytes of the text without its NUL, also on `SLUICE_ERR_BUFFER`; not NULL
 *
 * Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the text and its NUL do not fit, and then what is
 * at `buf` is of no use. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `client` is NULL or good for reading; `buf` is NULL or good for writing `cap` bytes; `length` is NULL or good for
 * writing.
 */
SLUICE_API
int32_t sluice_client_text(const struct sluice_client *client,
                           char *buf,
                           size_t cap,
                           size_t *length)
SLUICE_NOEXCEPT;

/**
 * Puts a key together from parts, none of which can pass for another or for two, whatever it holds.
 *
 * * `parts`: `n` of them; NULL only if `n` is 0
 * * `n`: how many; 0 is the empty key
 * * `buf`: where to; NULL only if `cap` is 0. It gets the bytes of the key alone, without a NUL
 * * `cap`: the bytes at `buf`; for each part its name, its value and 21 more are always enough
 * * `length`: receives the bytes of the key, also on `SLUICE_ERR_BUFFER`; not NULL
 *
 * Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the key does not fit, and then what is at `buf` is of
 * no use. A key of one address is that address's own. Safe from any thread; it allocates nothing. Since 0.1.0.
 *
 * # Safety
 * `parts` is NULL or good for reading `n` of them, and each one's name and value for its length; `buf` is NULL or good for
 * writing `cap` bytes and none of those; `length` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_key_join(const struct sluice_key_part *parts,
                        size_t n,
                        void *buf,
                        size_t cap,
                        size_t *length)
SLUICE_NOEXCEPT;

/**
 * Checks a list of networks, such as those of clients that no limit holds, and keeps it.
 *
 * * `text`: networks and addresses with commas or blanks between them, such as "10.0.0.0/8, 2001:db8::/32"; "loopback"
 *   and "private" are short for several, "unix" stands for peers that have no address. Ends with a NUL, not NULL
 * * `out`: receives the list, the caller's to free; left as it was on an error
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`; `sluice_last_error` says which of them is none. Safe from any thread. Since
 * 0.1.0.
 *
 * # Safety
 * `text` is NULL or ends with a NUL; `out` is NULL or good for writing a pointer.
 */
SLUICE_API
int32_t sluice_networks_new(const char *text,
                            struct sluice_networks **out)
SLUICE_NOEXCEPT;

/**
 * Tells whether an address is in one of the networks.
 *
 * * `networks`: not NULL
 * * `address`, `address_len`: in network byte order as of `sluice_client`: 4 bytes of IPv4, 16 of IPv6, of which an
 *   IPv4-mapped one is IPv4; or (NULL, 0) for a client that has none
 * * `out`: receives 1 or 0; not NULL, left as it was on an error
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once. Since 0.1.0.
 *
 * # Safety
 * `networks` is NULL or a list that is not freed before this returns; `address` is good for reading `address_len` bytes;
 * `out` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_networks_contain(const struct sluice_networks *networks,
                                const void *address,
                                size_t address_len,
                                uint32_t *out)
SLUICE_NOEXCEPT;

/**
 * Frees a list of networks. NULL is none, and nothing happens.
 *
 * * `networks`: from `sluice_networks_new`; no other thread may be using it, and nobody may afterwards
 *
 * Since 0.1.0.
 *
 * # Safety
 * `networks` is NULL or a list that was not freed before and that nobody uses now or later.
 */
SLUICE_API void sluice_networks_free(struct sluice_networks *networks) SLUICE_NOEXCEPT;

/**
 * Writes a key that `sluice_key_join` or `sluice_client_key` has made as one line of printable ASCII, ended by a NUL, for
 * logs: "203.0.113.10,user=ann".
 *
 * Of a header's value, which may be a secret, there is nothing but a hash that is the same as long as the process runs.
 * What is not printable is escaped, and what is long is cut. Other keys are shown as bytes are, escaped and cut.
 *
 * * `key`, `key_len`: as for `sluice_check`
 * * `buf`: where to; NULL only if `cap` is 0
 * * `cap`: the bytes at `buf`
 * * `length`: receives the bytes of the text without its NUL, also on `SLUICE_ERR_BUFFER`; not NULL
 *
 * Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the text and its NUL do not fit, and then what is
 * at `buf` is of no use. Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `key` is good for reading `key_len` bytes; `buf` is NULL or good for writing `cap` bytes; `length` is NULL or good for
 * writing.
 */
SLUICE_API
int32_t sluice_key_text(const void *key,
                        size_t key_len,
                        char *buf,
                        size_t cap,
                        size_t *length)
SLUICE_NOEXCEPT;

/**
 * Checks when requests are to be tried again, and keeps it.
 *
 * * `options`: not NULL; read during the call only. Whoever wants all defaults needs none: `sluice_retry_decide` takes NULL
 * * `out`: receives the retry policy, the caller's to free; left as it was on an error
 *
 * Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`; `sluice_last_error` says which option is wrong, and what would be right.
 * Safe from any thread. Since 0.1.0.
 *
 * # Safety
 * `options` is NULL or good for reading its `struct_size` bytes, and its statuses for reading as many as it says; `out` is
 * NULL or good for writing a pointer.
 */
SLUICE_API
int32_t sluice_retry_new(const struct sluice_retry_options *options,
                         struct sluice_retry **out)
SLUICE_NOEXCEPT;

/**
 * Frees a retry policy. NULL is none, and nothing happens.
 *
 * * `retry`: from `sluice_retry_new`; no other thread may be using it, and nobody may afterwards
 *
 * Since 0.1.0.
 *
 * # Safety
 * `retry` is NULL or a retry policy that was not freed before and that nobody uses now or later.
 */
SLUICE_API void sluice_retry_free(struct sluice_retry *retry) SLUICE_NOEXCEPT;

/**
 * Decides what to do about a response, by the system's clock and a random number: see `sluice_retry_decide_at`.
 *
 * * `retry`, `attempt`, `headers`, `n`, `out`: as there
 *
 * Since 0.1.0.
 *
 * # Safety
 * As for `sluice_retry_decide_at`.
 */
SLUICE_API
int32_t sluice_retry_decide(const struct sluice_retry *retry,
                            const struct sluice_attempt *attempt,
                            const struct sluice_header *headers,
                            size_t n,
                            struct sluice_advice *out)
SLUICE_NOEXCEPT;

/**
 * Decides what to do about a response: wait so long and ask again, or let the caller have it and say when to come back.
 *
 * A wait that the server has named is never shortened. The library neither waits nor asks.
 *
 * * `retry`: NULL for all defaults, without a budget
 * * `attempt`: not NULL
 * * `headers`: the fields of the response, in any order; those that are no help are passed over. NULL only if `n` is 0
 * * `n`: how many
 * * `now_unix_ns`: the wall clock, in nanoseconds since 1970-01-01 00:00 UTC
 * * `random`: a number of which each is as likely as any other; 0 adds no jitter and makes own back-off the shortest
 * * `out`: receives the advice, not NULL; left as it was on an error
 *
 * Returns `SLUICE_OK` whether there is a retry or not, or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once.
 * Since 0.1.0.
 *
 * # Safety
 * `retry` is NULL or a retry policy that is not freed before this returns; `attempt` is NULL or good for reading its
 * `struct_size` bytes, and its method ends with a NUL; `headers` is NULL or good for reading `n` of them, and each one's
 * name and value for its length; `out` is NULL or good for writing.
 */
SLUICE_API
int32_t sluice_retry_decide_at(const struct sluice_retry *retry,
                               const struct sluice_attempt *attempt,
                               const struct sluice_header *headers,
                               size_t n,
                               uint64_t now_unix_ns,
                               uint64_t random,
                               struct sluice_advice *out)
SLUICE_NOEXCEPT;

/**
 * Tells what a response says of coming back, whatever its status.
 *
 * * `headers`, `n`, `now_unix_ns`: as for `sluice_retry_decide_at`
 * * `flags`: `SLUICE_RETRY_STRICT` or 0
 * * `out`: receives what is said, not NULL; left as it was on an error
 *
 * Returns `SLUICE_OK`, also where nothing is said, or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once.
 * Since 0.1.0.
 *
 * # Safety
 * `headers` is NULL or good for reading `n` of them, and each one's name and value for its length; `out` is NULL or good
 * for writing.
 */
SLUICE_API
int32_t sluice_retry_hint(const struct sluice_header *headers,
                          size_t n,
                          uint64_t now_unix_ns,
                          uint32_t flags,
                          struct sluice_hint *out)
SLUICE_NOEXCEPT;

/**
 * A fixed English phrase for a reason, one of `SLUICE_GIVE_UP_*`.
 *
 * Never NULL, valid for ever, nothing to free. A number that is no reason has a phrase too. Safe from any thread.
 * Since 0.1.0.
 */
SLUICE_API const char *sluice_give_up_message(uint32_t reason) SLUICE_NOEXCEPT;

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SLUICEGATE_H */
