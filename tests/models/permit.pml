/* The life of a permit (engine/permit.c) with one global place, one session
 * limit, and everybody free to give up: no place is lost or invented, who
 * waits is told exactly once or withdraws, and at the end nothing is held.
 *
 * LIMIT places in all, one per session. Callers 0 and 1 share session 0; the
 * others have one each. With INNERS two callers want the process and two the
 * one inner place, which counts nowhere else.
 * Lock sections are atomic, as they are in the code; telling happens after
 * them. Work ends well or fails: the release is the same.
 *
 * Who waits on a thread (permit_take_wait) and is cancelled withdraws; too
 * late for that, it waits until it is told and gives back what it got.
 *
 * Mutants that must fail: NO_WAKE (a release grants nobody), MINT (a check
 * "frees" what is in use), TWICE (a release that does not look at the state),
 * KEEP (INNERS: who is cancelled as it is told keeps what it got).
 */
#define CALLERS 4
#ifdef INNERS
#define LIMIT 1
#define INNER(i) ((i) >= 2)
#define SESSION(i) (i)
#else
#define LIMIT 2
#define INNER(i) false
#define SESSION(i) ((i) < 2 -> 0 : (i)-1)
#endif

mtype = { IDLE, PARKED, HELD, RELEASED };
mtype state[CALLERS] = IDLE;
byte in_use, inner_use, session_use[CALLERS];
byte told[CALLERS], working, inner_working, ended;
byte place[CALLERS], arrivals; /* order in the list */

#define OUTER_ROOM(i) (in_use < LIMIT && session_use[SESSION(i)] == 0)
#define ROOM(i) (INNER(i) -> inner_use == 0 : OUTER_ROOM(i))

inline grant(i)
{
    if
    :: INNER(i) -> inner_use++
    :: else ->
       in_use++;
       session_use[SESSION(i)]++
    fi;
    state[i] = HELD
}

/* The one who came first of those with room; one release may let in two. */
inline grant_waiting(j, best)
{
    do
    :: best = CALLERS;
       j = 0;
       do
       :: j < CALLERS ->
          if
          :: state[j] == PARKED && ROOM(j) &&
             (best == CALLERS || place[j] < place[best]) -> best = j
          :: else
          fi;
          j++
       :: else -> break
       od;
       if
       :: best < CALLERS ->
          grant(best);
          told[best]++
       :: else -> break
       fi
    od;
    j = 0;
    best = 0
}

inline release(i, j, best)
{
    atomic {
#ifdef TWICE
        if
        :: state[i] == HELD || state[i] == RELEASED ->
#else
        if
        :: state[i] == HELD ->
#endif
           state[i] = RELEASED;
           if
           :: INNER(i) -> inner_use--
           :: else ->
              in_use--;
              session_use[SESSION(i)]--
           fi;
#ifndef NO_WAKE
           grant_waiting(j, best)
#endif
        :: else /* counted, and nothing else */
        fi
    }
}

inline work(i)
{
    if
    :: INNER(i) ->
       inner_working++;
       assert(inner_working <= 1);
       inner_working--
    :: else ->
       working++;
       assert(working <= LIMIT);
       working--
    fi
}

proctype caller(byte i)
{
    byte j, best;
    bool waits;
    atomic {
        if
        :: ROOM(i) -> grant(i)
        :: else ->
           state[i] = PARKED;
           place[i] = arrivals;
           arrivals++;
           waits = true
        fi
    }
    if
    :: !waits -> work(i); release(i, j, best)
    :: waits ->
       if
       :: told[i] == 1 -> work(i); release(i, j, best)
       :: i % 2 == 0 -> /* its time is over, or it is cancelled; the others
                           * are patient: only a grant ends their waiting */
          atomic {
              if
              :: state[i] == PARKED -> state[i] = IDLE; waits = false
              :: else /* granted already: it will be told */
              fi
          };
          if
          :: !waits -> skip
          :: waits && !INNER(i) -> told[i] == 1; work(i); release(i, j, best)
          :: waits && INNER(i) -> /* cancelled: nothing is begun */
             told[i] == 1;
#ifndef KEEP
             release(i, j, best)
#endif
          fi
       fi
    fi;
    /* A stray second release must change nothing. */
    if
    :: state[i] == RELEASED -> release(i, j, best)
    :: else
    fi;
    assert(told[i] <= 1 && state[i] != HELD && state[i] != PARKED);
    ended++
}

#ifdef MINT
active proctype check()
{
    atomic {
        if
        :: in_use > 0 -> in_use--
        :: else
        fi
    }
}
#endif

init
{
    byte i;
    atomic {
        i = 0;
        do
        :: i < CALLERS -> run caller(i); i++
        :: else -> break
        od
    };
    (ended == CALLERS);
    assert(in_use == 0 && inner_use == 0 && working + inner_working == 0)
}
