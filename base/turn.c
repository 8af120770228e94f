#include "base/turn.h"

static _Thread_local uint64_t turns, current;

void turn_begin(void)
{
    current = ++turns;
}

void turn_end(void)
{
    current = 0;
}

uint64_t turn_now(void)
{
    return current;
}
