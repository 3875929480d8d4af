/* The header alone, twice, before anything else: what it says at compile time. */

#include <sluicegate.h>
#include <sluicegate.h>

#include "check.h"

#if SLUICE_VERSION_NUMBER != 1000 * SLUICE_VERSION_MINOR + 1000000 * SLUICE_VERSION_MAJOR + SLUICE_VERSION_PATCH
#error "the composed version is made of its parts"
#endif
#if SLUICE_VERSION_NUMBER < 1000
#error "the version can be compared by the preprocessor"
#endif

_Static_assert(sizeof(sluice_decision) == 48, "two numbers of 32 bits and five of 64");
_Static_assert(sizeof(sluice_request) == 2 * sizeof(void *) + 8, "no padding where pointers have 64 bits");
_Static_assert(sizeof(sluice_options) == sizeof(size_t) + 24, "no padding where pointers have 64 bits");
_Static_assert(offsetof(sluice_options, struct_size) == 0 && offsetof(sluice_limiter_stats, struct_size) == 0,
               "structs that grow begin with their size");
_Static_assert(sizeof(sluice_verdict) == 4 * sizeof(void *) + 8, "no padding where pointers have 64 bits");
_Static_assert(sizeof(sluice_http_options) == 5 * sizeof(void *) + 16 && offsetof(sluice_http_options, struct_size) == 0, "nor here");
_Static_assert(sizeof(sluice_answer) == 4 * sizeof(void *) + 8 && offsetof(sluice_answer, struct_size) == 0, "nor here");
_Static_assert(sizeof(sluice_outcome) == 3 * sizeof(void *) + 16 && offsetof(sluice_outcome, struct_size) == 0, "nor here");
_Static_assert(SLUICE_NEVER == UINT64_MAX && SLUICE_OK == 0 && SLUICE_ERR_ARGUMENT < 0, "as the specification says");

int main(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", SLUICE_VERSION_MAJOR, SLUICE_VERSION_MINOR, SLUICE_VERSION_PATCH);
    CHECK(strcmp(version, sluice_version()) == 0);
    CHECK(sluice_abi_version() == SLUICE_ABI_VERSION);

    const sluice_options options = SLUICE_OPTIONS_INIT;
    CHECK(options.struct_size == sizeof options && options.max_keys == 0);
    CHECK(options.on_full == SLUICE_ON_FULL_EVICT && options.clock == SLUICE_CLOCK_MONOTONIC);
    CHECK(options.replace == 0 && options.no_prefault == 0);
    const sluice_limiter_stats stats = SLUICE_LIMITER_STATS_INIT;
    CHECK(stats.struct_size == sizeof stats);
    const sluice_http_options http_options = SLUICE_HTTP_OPTIONS_INIT;
    CHECK(http_options.struct_size == sizeof http_options && http_options.families == 0 && http_options.burst_parameter == NULL);
    const sluice_answer answer = SLUICE_ANSWER_INIT;
    CHECK(answer.struct_size == sizeof answer && answer.verdicts == NULL && answer.n == 0);
    const sluice_outcome outcome = SLUICE_OUTCOME_INIT;
    CHECK(outcome.struct_size == sizeof outcome && outcome.speaking == 0);
    return 0;
}
