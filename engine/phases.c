#include "engine/phases.h"

#include "engine/problems.h"

enum err eng__phase_readable(struct eng_call *c, const struct eng_snapshot *s,
                             int64_t number, const struct eng_phase **ret)
{
    if (number == ENG_ABSENT) number = s->row.current_phase;
    const struct eng_phase *p = eng_definition_phase(s->definition, number);
    if (!p) return eng__problem_no_phase(c, s, number);
    if (eng__phase_status(s, number)[0] == 'l')
        return eng__problem_locked(c, s, number);
    *ret = p;
    return OK;
}
