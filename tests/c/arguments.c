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

/* Where a table may be that nobody ever makes. */
static char place[] = "/tmp/sluicegate-arguments-XXXXXX";

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
    options.clock = 3;
    REFUSED(sluice_limiter_new_with(good, &options, &out), SLUICE_ERR_ARGUMENT, "options.clock is 3; it is 0 (monotonic)");
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

/* A program that was compiled before there were the last fields: what is behind its struct is none of ours. */
static void growing(void) {
    sluice_options options = SLUICE_OPTIONS_INIT;
    sluice_limiter *out = NULL;
    options.replace = 7;
    options.no_prefault = 8;
    const size_t sizes[] = {offsetof(sluice_options, max_keys), offsetof(sluice_options, on_full),
                            offsetof(sluice_options, clock), offsetof(sluice_options, replace)};
    for (size_t at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        options.struct_size = sizes[at];
        CHECK(sluice_limiter_new_with("token-bucket 1/s", &options, &out) == SLUICE_OK);
        sluice_limiter_free(out);
    }
    out = NULL;
    options.struct_size = offsetof(sluice_options, no_prefault);
    REFUSED(sluice_limiter_new_with("token-bucket 1/s", &options, &out), SLUICE_ERR_ARGUMENT, "options.replace is 7; it is 0 (no)");
    options.struct_size = sizeof options;
    options.replace = 1;
    REFUSED(sluice_limiter_new_with("token-bucket 1/s", &options, &out), SLUICE_ERR_ARGUMENT, "options.no_prefault is 8; it is 0 (no)");
    options.struct_size--;
    REFUSED(sluice_limiter_new_with("token-bucket 1/s", &options, &out), SLUICE_ERR_ARGUMENT, "options.struct_size is 31");
    CHECK(out == NULL);
}

static void opening(void) {
    sluice_limiter *out = NULL;
    sluice_options options = SLUICE_OPTIONS_INIT;
    const char *good = "token-bucket 100/s";
    REFUSED(sluice_limiter_open(NULL, good, 10, &out), SLUICE_ERR_ARGUMENT, "sluice_limiter_open: path is NULL");
    REFUSED(sluice_limiter_open(place, NULL, 10, &out), SLUICE_ERR_ARGUMENT, "sluice_limiter_open: policy is NULL");
    REFUSED(sluice_limiter_open(place, good, 10, NULL), SLUICE_ERR_ARGUMENT, "sluice_limiter_open: out is NULL");
    REFUSED(sluice_limiter_open(place, good, 10, misaligned(&out)), SLUICE_ERR_ARGUMENT, "out is not aligned");
    REFUSED(sluice_limiter_open(place, good, 0, &out), SLUICE_ERR_ARGUMENT, "max_keys is 0; it must be from 1 to ");
    REFUSED(sluice_limiter_open(place, good, UINT64_MAX, &out), SLUICE_ERR_ARGUMENT, "max_keys is 18446744073709551615; ");
    REFUSED(sluice_limiter_open(place, "100/s", 10, &out), SLUICE_ERR_POLICY, "column 1: ");
    REFUSED(sluice_limiter_open("", good, 10, &out), SLUICE_ERR_IO, "cannot open the table ");
    REFUSED(sluice_limiter_open("/", good, 10, &out), SLUICE_ERR_IO, "cannot open the table /: ");
    REFUSED(sluice_limiter_open("/not/there", good, 10, &out), SLUICE_ERR_IO, "/not/there: No such file");
    REFUSED(sluice_limiter_open("/dev/null", good, 10, &out), SLUICE_ERR_FORMAT, "/dev/null cannot be used as a table: ");
    enum { LONG = 100000 };
    char *endless = malloc(LONG + 1);
    CHECK(endless);
    memset(endless, '/', LONG);
    memset(endless + LONG / 2, 'x', LONG / 2);
    endless[LONG] = 0;
    REFUSED(sluice_limiter_open(endless, good, 10, &out), SLUICE_ERR_IO, "cannot ");
    free(endless);

    REFUSED(sluice_limiter_open_with(NULL, good, &options, &out), SLUICE_ERR_ARGUMENT, "path is NULL");
    REFUSED(sluice_limiter_open_with(place, NULL, &options, &out), SLUICE_ERR_ARGUMENT, "policy is NULL");
    REFUSED(sluice_limiter_open_with(place, good, misaligned(&options), &out), SLUICE_ERR_ARGUMENT, "options is not aligned");
    REFUSED(sluice_limiter_open_with(place, good, &options, NULL), SLUICE_ERR_ARGUMENT, "out is NULL");
    REFUSED(sluice_limiter_open_with("/not/there", good, NULL, &out), SLUICE_ERR_IO, "/not/there: No such file");
    options.replace = 2;
    REFUSED(sluice_limiter_open_with(place, good, &options, &out), SLUICE_ERR_ARGUMENT, "options.replace is 2; it is 0 (no)");
    options.struct_size = 0;
    REFUSED(sluice_limiter_open_with(place, good, &options, &out), SLUICE_ERR_ARGUMENT, "options.struct_size is 0");
    CHECK(out == NULL);
}

static void attaching(void) {
    const char *good = "token-bucket 100/s";
    REFUSED((int32_t)sluice_region_size(NULL, 10), 0, "sluice_region_size: policy is NULL");
    REFUSED((int32_t)sluice_region_size("100/s", 10), 0, "column 1: ");
    REFUSED((int32_t)sluice_region_size(good, 0), 0, "max_keys is 0; it must be from 1 to ");
    REFUSED((int32_t)sluice_region_size(good, UINT64_MAX), 0, "max_keys is 18446744073709551615; ");

    sluice_limiter *out = NULL;
    sluice_options options = SLUICE_OPTIONS_INIT;
    const size_t size = sluice_region_size(good, 10);
    CHECK(size > 0 && size % 8 == 0);
    char *region = aligned_alloc(128, (size + 128) / 128 * 128);
    CHECK(region);
    memset(region, 0, size);
    REFUSED(sluice_limiter_attach(NULL, size, good, &out), SLUICE_ERR_FORMAT, "aligned to 128 bytes");
    REFUSED(sluice_limiter_attach(region + 8, size - 8, good, &out), SLUICE_ERR_FORMAT, "aligned to 128 bytes");
    REFUSED(sluice_limiter_attach(region, 0, good, &out), SLUICE_ERR_FORMAT, "0 bytes are too few; the smallest table has ");
    REFUSED(sluice_limiter_attach(region, 1000, good, &out), SLUICE_ERR_FORMAT, "1000 bytes are too few; ");
    REFUSED(sluice_limiter_attach(region, size, NULL, &out), SLUICE_ERR_ARGUMENT, "sluice_limiter_attach: policy is NULL");
    REFUSED(sluice_limiter_attach(region, size, "100/s", &out), SLUICE_ERR_POLICY, "column 1: ");
    REFUSED(sluice_limiter_attach(region, size, good, NULL), SLUICE_ERR_ARGUMENT, "sluice_limiter_attach: out is NULL");
    REFUSED(sluice_limiter_attach_with(NULL, size, good, &options, &out), SLUICE_ERR_FORMAT, "aligned to 128 bytes");
    REFUSED(sluice_limiter_attach_with(region, 0, good, NULL, &out), SLUICE_ERR_FORMAT, "0 bytes are too few");
    REFUSED(sluice_limiter_attach_with(region, size, NULL, &options, &out), SLUICE_ERR_ARGUMENT, "policy is NULL");
    REFUSED(sluice_limiter_attach_with(region, size, good, misaligned(&options), &out), SLUICE_ERR_ARGUMENT, "options is not");
    REFUSED(sluice_limiter_attach_with(region, size, good, &options, NULL), SLUICE_ERR_ARGUMENT, "out is NULL");
    for (size_t at = 0; at < size; at++) {
        CHECK(region[at] == 0);
    }
    region[3] = 1;
    REFUSED(sluice_limiter_attach(region, size, good, &out), SLUICE_ERR_FORMAT, "neither zero nor a table of sluicegate's");
    region[3] = 0;
    CHECK(out == NULL && sluice_limiter_attach(region, size, good, &out) == SLUICE_OK);
    sluice_limiter *other = NULL;
    REFUSED(sluice_limiter_attach(region, size, "token-bucket 99/s", &other), SLUICE_ERR_MISMATCH,
            "the policy of the table in the caller's memory is \"token-bucket 100/s\", not ");
    CHECK(other == NULL);

    uint32_t current = 7;
    REFUSED(sluice_limiter_is_current(NULL, &current), SLUICE_ERR_ARGUMENT, "limiter is NULL");
    REFUSED(sluice_limiter_is_current(out, NULL), SLUICE_ERR_ARGUMENT, "sluice_limiter_is_current: current is NULL");
    REFUSED(sluice_limiter_is_current(out, misaligned(&current)), SLUICE_ERR_ARGUMENT, "current is not aligned");
    CHECK(current == 7);
    sluice_limiter_free(out);
    free(region);
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

static void several_limits(const sluice_limiter *limiter) {
    sluice_charge charges[2] = {{limiter, "k", 1, 1}, {limiter, "k", 1, 1}};
    sluice_decision out[2];
    uint32_t allowed = 7;
    REFUSED(sluice_check_all(NULL, 1, out, &allowed), SLUICE_ERR_ARGUMENT, "sluice_check_all: charges is NULL");
    REFUSED(sluice_check_all(misaligned(charges), 1, out, &allowed), SLUICE_ERR_ARGUMENT, "charges is not aligned");
    REFUSED(sluice_check_all(charges, SIZE_MAX, out, &allowed), SLUICE_ERR_ARGUMENT, "n is 18446744073709551615; ");
    REFUSED(sluice_check_all(charges, 1, NULL, &allowed), SLUICE_ERR_ARGUMENT, "sluice_check_all: out is NULL");
    REFUSED(sluice_check_all(charges, 1, out, NULL), SLUICE_ERR_ARGUMENT, "sluice_check_all: allowed is NULL");
    REFUSED(sluice_check_all(charges, 1, (sluice_decision *)charges, &allowed), SLUICE_ERR_ARGUMENT, "out overlaps charges");
    REFUSED(sluice_check_all_at(charges, 1, 0, NULL, &allowed), SLUICE_ERR_ARGUMENT, "sluice_check_all_at: out is NULL");
    charges[1].key = NULL;
    REFUSED(sluice_check_all(charges, 2, out, &allowed), SLUICE_ERR_ARGUMENT, "charges[1].key is NULL but key_len is 1");
    charges[1] = (sluice_charge){NULL, "k", 1, 1};
    REFUSED(sluice_check_all(charges, 2, out, &allowed), SLUICE_ERR_ARGUMENT, "charges[1].limiter is NULL");
    CHECK(allowed == 7);
    CHECK(sluice_check_all(NULL, 0, NULL, &allowed) == SLUICE_OK && allowed == 1);
}

static void the_rest(const sluice_limiter *limiter) {
    REFUSED(sluice_refund(NULL, "k", 1, 1), SLUICE_ERR_ARGUMENT, "sluice_refund: limiter is NULL");
    REFUSED(sluice_refund(limiter, NULL, 1, 1), SLUICE_ERR_ARGUMENT, "sluice_refund: key is NULL");
    REFUSED(sluice_refund(limiter, "k", SIZE_MAX, 1), SLUICE_ERR_ARGUMENT, "sluice_refund: key_len");
    REFUSED(sluice_refund_at(NULL, "k", 1, 1, 0), SLUICE_ERR_ARGUMENT, "sluice_refund_at: limiter is NULL");
    REFUSED(sluice_refund_at(limiter, NULL, 1, 1, 0), SLUICE_ERR_ARGUMENT, "sluice_refund_at: key is NULL");
    REFUSED(sluice_refund_at(limiter, "k", SIZE_MAX, 1, 0), SLUICE_ERR_ARGUMENT, "sluice_refund_at: key_len");
    sluice_decision none = {0};
    REFUSED(sluice_refund_charge(NULL, "k", 1, 1, &decision, 0, &none), SLUICE_ERR_ARGUMENT, "charge: limiter is NULL");
    REFUSED(sluice_refund_charge(limiter, NULL, 1, 1, &decision, 0, &none), SLUICE_ERR_ARGUMENT, "charge: key is NULL");
    REFUSED(sluice_refund_charge(limiter, "k", 1, 1, NULL, 0, &none), SLUICE_ERR_ARGUMENT, "charge: charge is NULL");
    none.allowed = 2;
    REFUSED(sluice_refund_charge(limiter, "k", 1, 1, &none, 0, &none), SLUICE_ERR_ARGUMENT,
            "charge has allowed 2 and reason 0, which no check gives");
    REFUSED(sluice_refund_charge_at(limiter, "k", 1, 1, &decision, 0, 0, NULL), SLUICE_ERR_ARGUMENT,
            "sluice_refund_charge_at: out is NULL");
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
    CHECK(sluice_check_at(limiter, "m", 1, 2, 1000, &decision) == SLUICE_OK && decision.remaining == 3);
    CHECK(sluice_refund_charge_at(limiter, "m", 1, 2, &decision, 1000, 2000, &decision) == SLUICE_OK);
    CHECK(decision.allowed == 1 && decision.remaining == 5);
    CHECK(sluice_reset(limiter, NULL, 0) == SLUICE_OK);
    sluice_limiter_stats stats = SLUICE_LIMITER_STATS_INIT;
    CHECK(sluice_stats(limiter, &stats) == SLUICE_OK && stats.capacity == 10 && stats.memory_bytes > 0);
}

static void statuses(void) {
    static const int32_t known[] = {SLUICE_OK,         SLUICE_ERR_ARGUMENT, SLUICE_ERR_POLICY,  SLUICE_ERR_IO,
                                    SLUICE_ERR_FORMAT, SLUICE_ERR_MISMATCH, SLUICE_ERR_BUFFER,
                                    SLUICE_ERR_MEMORY, SLUICE_ERR_INTERNAL};
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
    growing();
    opening();
    attaching();
    sluice_limiter *limiter = NULL;
    CHECK(sluice_limiter_new("token-bucket 5/d", 10, &limiter) == SLUICE_OK);
    deciding(limiter);
    batches(limiter);
    several_limits(limiter);
    the_rest(limiter);
    still_fresh(limiter);
    sluice_limiter_free(limiter);
    return 0;
}
