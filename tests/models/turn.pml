/* Turns and permits together (engine/op.c, mcp/tools/admit.c): reads take a
 * permit of the process and then wait behind the writes of their session; a
 * write takes an inner permit of its class when its turn has come. Claim: no
 * circle of waits closes, whatever the order of arrival, and nothing is held
 * at the end.
 *
 * Two sessions, of two writes and of one, with a read each; one place in the
 * process and one for writes: as tight as it can be. A write may wait for commands
 * (engine/runs.c): it gives its place and its turn back, and takes both anew.
 *
 * Mutants that must fail: OUTER (a write takes a place of the process in its
 * turn), HOLD (one that waits for commands keeps its place of its class, and
 * the commands need one).
 */
#define SESSIONS 2
#define WRITES 3

byte places = 1, writing = 1, commands = 1;
byte ahead[SESSIONS]; /* the writes of a session that have arrived */
byte gone[SESSIONS];  /* and left their turn */
byte ended;

#ifdef OUTER
#define TAKE_WRITE atomic { places > 0 -> places-- }
#define GIVE_WRITE places++
#else
#define TAKE_WRITE atomic { writing > 0 -> writing-- }
#define GIVE_WRITE writing++
#endif

proctype write(byte s)
{
    byte mine;
    bool again = true;
    do
    :: again ->
       atomic { mine = ahead[s]; ahead[s]++ } /* order_enter */
       gone[s] == mine;                       /* its turn */
       TAKE_WRITE;
       if
       :: again = false
       :: /* the gate runs commands */
#ifndef HOLD
          GIVE_WRITE;
#endif
          gone[s]++;
          atomic { commands > 0 -> commands-- }
#ifdef HOLD
          TAKE_WRITE; /* what runs them writes too */
          GIVE_WRITE;
#endif
          commands++;
#ifdef HOLD
          GIVE_WRITE;
#endif
          atomic { mine = ahead[s]; ahead[s]++ }
          gone[s] == mine;
          TAKE_WRITE;
          again = false
       fi
    :: else -> break
    od;
    GIVE_WRITE;
    gone[s]++;
    ended++
}

proctype read(byte s)
{
    byte last;
    atomic { places > 0 -> places-- }
    last = ahead[s]; /* behind those that are there */
    gone[s] >= last;
    places++;
    ended++
}

init
{
    atomic {
        run write(0);
        run write(0);
        run write(1);
        run read(0);
        run read(1)
    }
    (ended == WRITES + SESSIONS);
    assert(places == 1 && writing == 1 && commands == 1)
}
