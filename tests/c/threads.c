/* Ten threads on one limiter, one by one and in batches, taking and giving back: in the end exactly the limit is taken. */

#include "check.h"
#include <pthread.h>

enum { THREADS = 10, BATCH = 7 };

static sluice_limiter *limiter;
static uint64_t limit;

struct work {
    pthread_t thread;
    unsigned number;
    uint64_t kept; /* permits of the shared key that were taken and not given back */
};

static uint64_t one_by_one(void) {
    sluice_decision decision;
    CHECK(sluice_check(limiter, "shared", 6, 1, &decision) == SLUICE_OK);
    return decision.allowed;
}

static uint64_t in_a_batch(void) {
    sluice_request requests[BATCH];
    sluice_decision decisions[BATCH];
    for (size_t at = 0; at < BATCH; at++) {
        requests[at] = (sluice_request){"shared", 6, 1};
    }
    CHECK(sluice_check_many(limiter, requests, BATCH, decisions) == SLUICE_OK);
    uint64_t allowed = 0;
    for (size_t at = 0; at < BATCH; at++) {
        allowed += decisions[at].allowed;
    }
    return allowed;
}

/* A failure's text is its thread's own, whatever the others do. */
static void fail_in_its_own_words(unsigned number) {
    char policy[32], text[SLUICE_ERROR_TEXT_MAX];
    snprintf(policy, sizeof policy, "thread-%u 1/s", number);
    sluice_limiter *none = NULL;
    CHECK(sluice_limiter_new(policy, 1, &none) == SLUICE_ERR_POLICY && none == NULL);
    sluice_last_error(text, sizeof text);
    CHECK(strstr(text, policy));
}

static void *run(void *argument) {
    struct work *work = argument;
    for (uint64_t turn = 0; turn < limit; turn++) {
        uint64_t taken = work->number % 2 ? one_by_one() : in_a_batch();
        work->kept += taken;
        if (taken > 0 && turn % 5 == 0) {
            CHECK(sluice_refund(limiter, "shared", 6, 1) == SLUICE_OK);
            work->kept--;
        }
        if (turn % 100 == 0) {
            sluice_decision own;
            CHECK(sluice_check(limiter, &work->number, sizeof work->number, 1, &own) == SLUICE_OK && own.allowed);
            fail_in_its_own_words(work->number);
        }
    }
    return NULL;
}

int main(int count, char **arguments) {
    limit = count > 1 ? strtoull(arguments[1], NULL, 10) : 1000000;
    char policy[64];
    snprintf(policy, sizeof policy, "fixed-window %llu/3653d", (unsigned long long)limit);
    CHECK(sluice_limiter_new(policy, 100, &limiter) == SLUICE_OK);

    struct work works[THREADS];
    memset(works, 0, sizeof works);
    for (unsigned number = 0; number < THREADS; number++) {
        works[number].number = number;
        CHECK(pthread_create(&works[number].thread, NULL, run, &works[number]) == 0);
    }
    uint64_t kept = 0;
    for (unsigned number = 0; number < THREADS; number++) {
        CHECK(pthread_join(works[number].thread, NULL) == 0);
        kept += works[number].kept;
    }
    if (kept != limit) {
        fprintf(stderr, "%llu taken of %llu\n", (unsigned long long)kept, (unsigned long long)limit);
        return 1;
    }
    sluice_limiter_stats stats = SLUICE_LIMITER_STATS_INIT;
    CHECK(sluice_stats(limiter, &stats) == SLUICE_OK);
    CHECK(stats.live_keys == THREADS + 1 && stats.inserted == THREADS + 1 && stats.evicted == 0);
    sluice_limiter_free(limiter);
    return 0;
}
