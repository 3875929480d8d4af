// A second translation unit with all headers: nothing in them may be defined twice.

#include <sluicegate.h>
#include <sluicegate.hpp>
#include <sluicegate_identity.hpp>
#include <sluicegate_retry.hpp>

int other_unit();

int other_unit() {
    auto made = sluicegate::limiter::create("fixed-window 1/d", 1);
    return made && made->check("key").allowed() && sluicegate::whole_seconds(std::chrono::nanoseconds(1)) == 1 ? 0 : 1;
}
