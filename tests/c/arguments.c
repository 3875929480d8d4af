/* Every argument wrong in turn: a status, a text that names it, and nothing touched. */

#include "check.h"

static sluice_decision decision;
static const sluice_decision untouched = {7, 7, 7, 7, 7, 7, 7};

/* The call must fail with this status, say this, and leave the answer as it was. */
#define REFUSED(call, expected_status, expected_text) \
    (decision = untouched, refused(__LINE__, (call), (expected_status), (expected_text)))

static void refused(int line, int32_t status, int32_t expected_status, const char *expected_text) {
    char text[SLUICE_ERROR_TEXT_MAX];
    CHECK(sluice_last_error(text, sizeof text) == strlen(text) + 1);
    if (status != expected_status || !strstr(text, expected_text)) {
        fprintf(stderr, "%s:%d: status %d: %s\n", __FILE__, line, (int)status, text);
        exit(1);
    }
    CHECK(memcmp(&decision, &untouched, sizeof decision) == 0);
}

static void *misaligned(void *pointer) {
    return (char *)pointer + 1;
}

static void making(void) {
    sluice_limiter *const none = (sluice_limiter *)&decision;
    sluice_limiter *out = none;
    const char *good = "token-bucket 100/s";
    REFUSED(sluice_limiter_new(NULL, 10, &out), SLUICE_ERR_ARGUMENT, "sluice_limiter_new: policy is NULL");
    REFUSED(sluice_limiter_new(good, 10, NULL), SLUICE_ERR_ARGUMENT, "sluice_limiter_new: out is NULL");
    REFUSED(sluice_limiter_new(good, 0, &out), SLUICE_ERR_ARGUMENT, "max_keys is 0; it must be from 1 to ");
    REFUSED(sluice_limiter_new(good, UINT64_MAX, &out), SLUICE_ERR_ARGUMENT, "max_keys is 18446744073709551615; ");
    REFUSED(sluice_limiter_new(good, (uint64_t)1 << 43, &out), SLUICE_ERR_MEMORY, "ask for fewer max_keys");

    static const char *const wrong[] = {
        "", " ", "token-bucket", "token-bucket 100", "token-bucket 100/", "token-bucket /s", "token-bucket -1/s",
        "token-bucket 1.5/s", "token-bucket 100/fortnight", "token-bucket 100/s burst", "token-bucket 100/s burst=",
        "token-bucket 100/s burst=0", "token-bucket 100/s burst=1 burst=1", "fixed-window 1/s burst=2",
        "TOKEN-BUCKET 1/s", "token-bucket 99999999999999999999999/s", "token-bucket 1/99999999999999999999d",
        "token-bucket 1/0s", "%s%s%s%n", "token-bucket 100/s\x01\x02", "\xff\xfe", "token-bucket 1/s burst=4294967296",
    };
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        REFUSED(sluice_limiter_new(wrong[at], 10, &out), SLUICE_ERR_POLICY, "policy");
        REFUSED(sluice_limiter_new_with(wrong[at], NULL, &out), SLUICE_ERR_POLICY, "policy");
    }
    enum { LONG = 1000000 };
    char *endless = malloc(LONG + 1);
    CHECK(endless);
    memset(endless, 'x', LONG);
    endless[LONG] = 0;
    REFUSED(sluice_limiter_new(endless, 10, &out), SLUICE_ERR_POLICY, "column 1: ");
    free(endless);

    sluice_options options = SLUICE_OPTIONS_INIT;
    REFUSED(sluice_limiter_new_with(NULL, &options, &out), SLUICE_ERR_ARGUMENT, "policy is NULL");
    REFUSED(sluice_limiter_new_with(good, &options, NULL), SLUICE_ERR_ARGUMENT, "out is NULL");
    REFUSED(sluice_limiter_new_with(good, misaligned(&options), &out), SLUICE_ERR_ARGUMENT, "options is not aligned");
    options.on_full = 3;
    REFUSED(sluice_limiter_new_with(good, &options, &out), SLUICE_ERR_ARGUMENT, "options.on_full is 3; it is 0 (evict)");
    options.on_full = UINT32_MAX;
    REFUSED(sluice_limiter_new_with(good, &options, &out), SLUICE_ERR_ARGUMENT, "options.on_full is 4294967295");
    options.on_full = SLUICE_ON_FULL_ALLOW;
    options.clock = 2;
    REFUSED(sluice_limiter_new_with(good, &options, &out), SLUICE_ERR_ARGUMENT, "options.clock is 2; it is 0 (monotonic)");
    options.clock = SLUICE_CLOCK_COARSE;
    options.struct_size = 0;
    REFUSED(sluice_limiter_new_with(good, &options, &out), SLUICE_ERR_ARGUMENT, "options.struct_size is 0; begin with ");
    options.struct_size = SIZE_MAX;
    REFUSED(sluice_limiter_new_with(good, &options, &out), SLUICE_ERR_ARGUMENT, "options.struct_size is 18446744073709551615");
    struct {
        sluice_options known;
        uint64_t newer;
    } grown = {SLUICE_OPTIONS_INIT, 1};
    grown.known.struct_size = sizeof grown;
    REFUSED(sluice_limiter_new_with(good, &grown.known, &out), SLUICE_ERR_ARGUMENT, "that this library (version 0.1.0)");
    CHECK(out == none);

    grown.newer = 0;
    CHECK(sluice_limiter_new_with(good, &grown.known, &out) == SLUICE_OK);
    sluice_limiter_free(out);
    sluice_limiter_free(NULL);
}

static void deciding(const sluice_limiter *limiter) {
    sluice_decision *out = &decision;
    const void *odd = misaligned(&decision);
    REFUSED(sluice_check(NULL, "k", 1, 1, out), SLUICE_ERR_ARGUMENT, "sluice_check: limiter is NULL");
    REFUSED(sluice_check(odd, "k", 1, 1, out), SLUICE_ERR_ARGUMENT, "sluice_check: limiter is not aligned to ");
    REFUSED(sluice_check(limiter, NULL, 1, 1, out), SLUICE_ERR_ARGUMENT, "sluice_check: key is NULL but key_len is 1");
    REFUSED(sluice_check(limiter, "k", SIZE_MAX, 1, out), SLUICE_ERR_ARGUMENT, "sluice_check: key_len is 18446744073709551615");
    REFUSED(sluice_check(limiter, "k", (size_t)PTRDIFF_MAX + 1, 1, out), SLUICE_ERR_ARGUMENT, "sluice_check: key_len is ");
    REFUSED(sluice_check(limiter, "k", 1, 1, NULL), SLUICE_ERR_ARGUMENT, "sluice_check: out is NULL");
    REFUSED(sluice_check(limiter, "k", 1, 1, misaligned(out)), SLUICE_ERR_ARGUMENT, "sluice_check: out is not aligned");

    REFUSED(sluice_check_at(NULL, "k", 1, 1, 0, out), SLUICE_ERR_ARGUMENT, "sluice_check_at: limiter is NULL");
    REFUSED(sluice_check_at(limiter, NULL, 1, 1, 0, out), SLUICE_ERR_ARGUMENT, "sluice_check_at: key is NULL");
    REFUSED(sluice_check_at(limiter, "k", SIZE_MAX, 1, 0, out), SLUICE_ERR_ARGUMENT, "sluice_check_at: key_len");
    REFUSED(sluice_check_at(limiter, "k", 1, 1, 0, NULL), SLUICE_ERR_ARGUMENT, "sluice_check_at: out is NULL");

    REFUSED(sluice_peek(NULL, "k", 1, 1, out), SLUICE_ERR_ARGUMENT, "sluice_peek: limiter is NULL");
    REFUSED(sluice_peek(limiter, NULL, 1, 1, out), SLUICE_ERR_ARGUMENT, "sluice_peek: key is NULL");
    REFUSED(sluice_peek(limiter, "k", SIZE_MAX, 1, out), SLUICE_ERR_ARGUMENT, "sluice_peek: key_len");
    REFUSED(sluice_peek(limiter, "k", 1, 1, NULL), SLUICE_ERR_ARGUMENT, "sluice_peek: out is NULL");

    REFUSED(sluice_peek_at(NULL, "k", 1, 1, 0, out), SLUICE_ERR_ARGUMENT, "sluice_peek_at: limiter is NULL");
    REFUSED(sluice_peek_at(limiter, NULL, 1, 1, 0, out), SLUICE_ERR_ARGUMENT, "sluice_peek_at: key is NULL");
    REFUSED(sluice_peek_at(limiter, "k", SIZE_MAX, 1, 0, out), SLUICE_ERR_ARGUMENT, "sluice_peek_at: key_len");
    REFUSED(sluice_peek_at(limiter, "k", 1, 1, 0, NULL), SLUICE_ERR_ARGUMENT, "sluice_peek_at: out is NULL");
}

static void batches(const sluice_limiter *limiter) {
    sluice_request requests[2] = {{"k", 1, 1}, {"k", 1, 1}};
    sluice_decision *out = &decision;
    REFUSED(sluice_check_many(NULL, requests, 1, out), SLUICE_ERR_ARGUMENT, "sluice_check_many: limiter is NULL");
    REFUSED(sluice_check_many(limiter, NULL, 1, out), SLUICE_ERR_ARGUMENT, "sluice_check_many: requests is NULL");
    REFUSED(sluice_check_many(limiter, misaligned(requests), 1, out), SLUICE_ERR_ARGUMENT, "requests is not aligned");
    REFUSED(sluice_check_many(limiter, requests, SIZE_MAX, out), SLUICE_ERR_ARGUMENT, "n is 18446744073709551615; ");
    REFUSED(sluice_check_many(limiter, requests, SIZE_MAX / sizeof *requests + 2, out), SLUICE_ERR_ARGUMENT, "n is ");
    REFUSED(sluice_check_many(limiter, requests, 1, NULL), SLUICE_ERR_ARGUMENT, "sluice_check_many: out is NULL");
    REFUSED(sluice_check_many(limiter, requests, 1, (sluice_decision *)requests), SLUICE_ERR_ARGUMENT, "out overlaps");
    requests[1].key = NULL;
    REFUSED(sluice_check_many(limiter, requests, 2, out), SLUICE_ERR_ARGUMENT, "requests[1].key is NULL but key_len is 1");
    REFUSED(sluice_check_many_at(limiter, requests, 2, 0, out), SLUICE_ERR_ARGUMENT, "requests[1].key is NULL");
    requests[1] = (sluice_request){"k", SIZE_MAX, 1};
    REFUSED(sluice_check_many(limiter, requests, 2, out), SLUICE_ERR_ARGUMENT, "requests[1].key_len is 18446744073709551615");
    REFUSED(sluice_check_many_at(NULL, requests, 1, 0, out), SLUICE_ERR_ARGUMENT, "sluice_check_many_at: limiter is NULL");
    REFUSED(sluice_check_many_at(limiter, NULL, 1, 0, out), SLUICE_ERR_ARGUMENT, "requests is NULL");
    REFUSED(sluice_check_many_at(limiter, requests, SIZE_MAX, 0, out), SLUICE_ERR_ARGUMENT, "n is ");
    REFUSED(sluice_check_many_at(limiter, requests, 1, 0, NULL), SLUICE_ERR_ARGUMENT, "out is NULL");
    CHECK(sluice_check_many(limiter, NULL, 0, NULL) == SLUICE_OK);
    CHECK(sluice_check_many_at(limiter, NULL, 0, 0, NULL) == SLUICE_OK);
}

static void the_rest(const sluice_limiter *limiter) {
    REFUSED(sluice_refund(NULL, "k", 1, 1), SLUICE_ERR_ARGUMENT, "sluice_refund: limiter is NULL");
    REFUSED(sluice_refund(limiter, NULL, 1, 1), SLUICE_ERR_ARGUMENT, "sluice_refund: key is NULL");
    REFUSED(sluice_refund(limiter, "k", SIZE_MAX, 1), SLUICE_ERR_ARGUMENT, "sluice_refund: key_len");
    REFUSED(sluice_refund_at(NULL, "k", 1, 1, 0), SLUICE_ERR_ARGUMENT, "sluice_refund_at: limiter is NULL");
    REFUSED(sluice_refund_at(limiter, NULL, 1, 1, 0), SLUICE_ERR_ARGUMENT, "sluice_refund_at: key is NULL");
    REFUSED(sluice_refund_at(limiter, "k", SIZE_MAX, 1, 0), SLUICE_ERR_ARGUMENT, "sluice_refund_at: key_len");
    REFUSED(sluice_reset(NULL, "k", 1), SLUICE_ERR_ARGUMENT, "sluice_reset: limiter is NULL");
    REFUSED(sluice_reset(limiter, NULL, 1), SLUICE_ERR_ARGUMENT, "sluice_reset: key is NULL");
    REFUSED(sluice_reset(limiter, "k", SIZE_MAX), SLUICE_ERR_ARGUMENT, "sluice_reset: key_len");

    sluice_limiter_stats stats = SLUICE_LIMITER_STATS_INIT;
    REFUSED(sluice_stats(NULL, &stats), SLUICE_ERR_ARGUMENT, "sluice_stats: limiter is NULL");
    REFUSED(sluice_stats(limiter, NULL), SLUICE_ERR_ARGUMENT, "sluice_stats: out is NULL");
    REFUSED(sluice_stats(limiter, misaligned(&stats)), SLUICE_ERR_ARGUMENT, "sluice_stats: out is not aligned");
    stats.struct_size = 0;
    REFUSED(sluice_stats(limiter, &stats), SLUICE_ERR_ARGUMENT, "out->struct_size is 0; begin with ");
    stats.struct_size = SIZE_MAX;
    REFUSED(sluice_stats(limiter, &stats), SLUICE_ERR_ARGUMENT, "out->struct_size is 18446744073709551615");
    CHECK(stats.capacity == 0);

    char text[SLUICE_POLICY_TEXT_MAX] = "untouched";
    REFUSED(sluice_limiter_policy(NULL, text, sizeof text), SLUICE_ERR_ARGUMENT, "limiter is NULL");
    REFUSED(sluice_limiter_policy(limiter, NULL, sizeof text), SLUICE_ERR_ARGUMENT, "buf is NULL");
    REFUSED(sluice_limiter_policy(limiter, text, 0), SLUICE_ERR_BUFFER, "cap is 0; the text needs 17 bytes");
    REFUSED(sluice_limiter_policy(limiter, text, 16), SLUICE_ERR_BUFFER, "cap is 16; the text needs 17 bytes");
    CHECK(strcmp(text, "untouched") == 0);
    CHECK(sluice_limiter_policy(limiter, text, 17) == SLUICE_OK && strcmp(text, "token-bucket 5/d") == 0);
}

/* What was refused has consumed nothing, and the limiter goes on. */
static void still_fresh(const sluice_limiter *limiter) {
    CHECK(sluice_peek(limiter, "k", 1, 0, &decision) == SLUICE_OK && decision.remaining == decision.limit);
    CHECK(sluice_check(limiter, NULL, 0, 1, &decision) == SLUICE_OK && decision.allowed == 1);
    CHECK(sluice_check(limiter, "", 0, UINT64_MAX, &decision) == SLUICE_OK && decision.allowed == 0);
    CHECK(decision.reason == SLUICE_REASON_COST_EXCEEDS_LIMIT && decision.retry_after_ns == SLUICE_NEVER);
    CHECK(sluice_check_at(limiter, "", 0, 1, UINT64_MAX, &decision) == SLUICE_OK);
    CHECK(decision.reason == SLUICE_REASON_TIME_OUT_OF_RANGE && decision.retry_after_ns == SLUICE_NEVER);
    CHECK(sluice_refund(limiter, "", 0, UINT64_MAX) == SLUICE_OK);
    CHECK(sluice_refund_at(limiter, "", 0, UINT64_MAX, UINT64_MAX) == SLUICE_OK);
    CHECK(sluice_reset(limiter, NULL, 0) == SLUICE_OK);
    sluice_limiter_stats stats = SLUICE_LIMITER_STATS_INIT;
    CHECK(sluice_stats(limiter, &stats) == SLUICE_OK && stats.capacity == 10 && stats.memory_bytes > 0);
}

static void statuses(void) {
    static const int32_t known[] = {SLUICE_OK,         SLUICE_ERR_ARGUMENT, SLUICE_ERR_POLICY,  SLUICE_ERR_IO,
                                    SLUICE_ERR_BUFFER, SLUICE_ERR_MEMORY,   SLUICE_ERR_INTERNAL};
    for (size_t at = 0; at < sizeof known / sizeof *known; at++) {
        CHECK(strcmp(sluice_status_message(known[at]), "unknown status") != 0);
    }
    CHECK(strcmp(sluice_status_message(1), "unknown status") == 0);
    CHECK(strcmp(sluice_status_message(INT32_MIN), "unknown status") == 0);
}

int main(void) {
    CHECK(sluice_last_error(NULL, 0) == 1);
    statuses();
    making();
    sluice_limiter *limiter = NULL;
    CHECK(sluice_limiter_new("token-bucket 5/d", 10, &limiter) == SLUICE_OK);
    deciding(limiter);
    batches(limiter);
    the_rest(limiter);
    still_fresh(limiter);
    sluice_limiter_free(limiter);
    return 0;
}
