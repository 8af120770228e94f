/*
 * flight: the model of state/cache_flight.c, checked by spin in the test run.
 *
 * One key, CALLERS lookups that begin at any time, one change of the truth
 * (an invalidation or a put), cancellation of any caller and the deadline of
 * any flight at any time; a load succeeds, fails, or unwinds as cancelled.
 *
 *   here                      there
 *   caller, FIRST LOOK        first_look: no lock
 *   caller, SECOND LOOK       second_look, under the flight lock
 *   attach                    st__flight_attach, do_running_begin
 *   caller, WAIT              st__flight_wait, do_wait
 *   overdue, fail             st__flight_overdue, do_fail
 *   resolve                   do_resolve
 *   caller, LOAD              st__flight_run; hears() is flight_listen
 *   caller, LAND              flight_land, do_land, do_pass_on, do_publish
 *   change                    st_cache_invalidate, st_cache_put
 *
 * What the code does under the flight lock is one atomic step here: nothing
 * else touches that data but the first look, which reads one word of it.
 *
 * A waiter here sleeps until it is woken, cancelled, or the deadline passes;
 * the poll of the code is left out, so that a lost wake-up is a deadlock.
 *
 * FULL adds a second cancellation and a second deadline. NO_WAKE, NO_DETACH
 * and NO_LATE each leave a step out: then a claim must fail, or the model
 * would prove nothing.
 *
 * Claims: no deadlock (spin's own); each flight resolves exactly once; at
 * most one loader that is neither detached nor abandoned; who begins after a
 * change was published never gets an older value; nobody is woken without an
 * outcome; at the end the table is empty and every flight was left by all.
 */
#ifndef CALLERS
#define CALLERS 3
#endif
#define FLIGHTS CALLERS /* a caller attaches one at most */
#define NONE 255

mtype = { LOADING, DONE, FAILED };

typedef flight {
    mtype state;
    byte users, waiting;
    bool attached, running, overdue;
    byte value;
    byte resolved;
};
flight f[FLIGHTS];
byte made = 0;
byte table = NONE; /* the key's attached flight */
byte shelf = NONE; /* the value that lookups find */
byte truth = 1;    /* what a loader reads */
byte settled = 1;  /* the truth whose publication has returned */
byte ended = 0;

bool cancelled[CALLERS], sleeping[CALLERS], promoted[CALLERS];
byte waits_in[CALLERS]; /* the flight in whose list it stands, or NONE */

inline broadcast(x)
{
    k = 0;
    do
    :: k < CALLERS -> if :: waits_in[k] == x -> sleeping[k] = 0
                         :: else fi; k++
    :: else -> break
    od; k = 0
}

inline detach(x)
{
    if
    :: f[x].attached -> f[x].attached = 0; assert(table == x); table = NONE
    :: else
    fi
}

inline resolve(x, how)
{
    assert(f[x].state == LOADING);
    f[x].state = how;
    f[x].resolved++;
    assert(f[x].resolved == 1);
    f[x].overdue = 0; /* only a flight that loads has a deadline */
    detach(x);
#ifndef NO_WAKE
    broadcast(x)
#endif
}

inline attach(x)
{
    x = made; made++;
    f[x].state = LOADING; f[x].users = 1; f[x].running = 1;
    assert(table == NONE);
    f[x].attached = 1; table = x;
    k = 0; /* no second loader of the same standing */
    do
    :: k < FLIGHTS ->
        assert(k == x || !(f[k].running && f[k].attached)); k++
    :: else -> break
    od; k = 0
}

/* Who leaves last forgets what nobody looks at any more: two histories that
 * differ in nothing else are one state from here on. */
inline leave(x)
{
    assert(f[x].users > 0);
    f[x].users--;
    if
    :: f[x].users == 0 && f[x].state != LOADING ->
        f[x].state = DONE; f[x].value = 0
    :: else
    fi
}

/* The longest waiting one is any one: the claims hold for every choice. */
inline pass_on(x, to)
{
    if
    :: waits_in[0] == x && !cancelled[0] -> to = 0
    :: waits_in[1] == x && !cancelled[1] -> to = 1
    :: waits_in[CALLERS - 1] == x && !cancelled[CALLERS - 1] ->
        to = CALLERS - 1
    :: else -> to = NONE
    fi;
    if
    :: to != NONE ->
        waits_in[to] = NONE; f[x].waiting--; promoted[to] = 1;
        sleeping[to] = 0;
        broadcast(x)
    :: else
    fi
}

#define hears(i, x) (cancelled[i] && f[x].waiting == 0)

/* Its last step is part of the one before: nobody can tell them apart. */
inline finish()
{
    assert(got == NONE || got >= from);
    mine = NONE; got = NONE; read = NONE; from = 0;
    unwound = 0; failed = 0;
    promoted[i] = 0; cancelled[i] = 1; /* nothing can happen to it now */
    ended++
}

proctype caller(byte i)
{
    byte mine = NONE, got = NONE, from, k = 0, read = NONE;
    bool unwound = 0, failed = 0;
    from = settled;

    /* FIRST LOOK */
    atomic {
        got = shelf;
        if :: got != NONE -> finish(); goto over :: else fi
    }

    /* SECOND LOOK */
    atomic {
        if
        :: shelf != NONE -> got = shelf; finish(); goto over
        :: else
        fi;
        if
        :: table != NONE && !f[table].overdue -> mine = table
        :: table != NONE && f[table].overdue ->
            mine = table; resolve(mine, FAILED); mine = NONE
        :: else
        fi;
        if
        :: mine == NONE -> attach(mine); goto load
        :: else
        fi;
        f[mine].users++; f[mine].waiting++; waits_in[i] = mine
    }

    /* WAIT. What wakes a sleeper stays true until it has the lock again, so
     * waking and looking are one step. */
wait:
    atomic {
        (!sleeping[i] || cancelled[i] || f[mine].overdue);
        if
        :: f[mine].state != LOADING || promoted[i] || cancelled[i]
        :: f[mine].state == LOADING && !promoted[i] && !cancelled[i] &&
           f[mine].overdue -> resolve(mine, FAILED)
        :: else -> sleeping[i] = 1; goto wait
        fi;
        sleeping[i] = 0;
        if
        :: promoted[i] -> goto load
        :: else
        fi;
        waits_in[i] = NONE; f[mine].waiting--;
        if
        :: f[mine].state == DONE -> got = f[mine].value
        :: else -> assert(f[mine].state == FAILED || cancelled[i])
        fi;
        leave(mine);
        finish();
        goto over
    }

load:
    atomic {
        read = truth; /* perhaps long before it lands */
        if
        :: skip
        :: failed = 1
        fi
    }

    /* LAND; or hear of the cancellation first, and land later */
land:
    if
    :: atomic { !unwound && hears(i, mine) -> unwound = 1 }; goto land
    :: atomic {
        true;
        if
#ifndef NO_LATE
        :: f[mine].state != LOADING -> f[mine].running = 0 /* late */
#endif
        :: f[mine].state == LOADING && unwound && !f[mine].overdue ->
            pass_on(mine, read);
            if
            :: read == NONE -> f[mine].running = 0; resolve(mine, FAILED)
            :: else
            fi
        :: f[mine].state == LOADING && unwound && f[mine].overdue ->
            f[mine].running = 0; resolve(mine, FAILED)
        :: f[mine].state == LOADING && !unwound && failed ->
            f[mine].running = 0; resolve(mine, FAILED)
        :: else ->
            f[mine].running = 0;
            f[mine].value = read; got = read;
            if
            :: f[mine].attached -> shelf = read
            :: else
            fi;
            resolve(mine, DONE)
        fi;
        leave(mine);
        finish()
       }
    fi;
over:
    skip
}

/* A change is true before it is published, and settled after. */
proctype change()
{
    byte k = 0;
    truth++;
    atomic {
        if
#ifndef NO_DETACH
        :: table != NONE -> k = table; detach(k); k = 0
#endif
        :: else
        fi;
        if
        :: shelf = NONE  /* an invalidation */
        :: shelf = truth /* a put */
        fi
    }
    settled = truth
}

/* Callers may be cancelled (any one: they differ in nothing but the number)
 * and flights may outlive their deadlines, at any time or never. */
proctype trouble()
{
end:
    do
    :: !cancelled[0] -> cancelled[0] = 1
    :: made > 0 && f[0].state == LOADING && !f[0].overdue ->
        f[0].overdue = 1
#ifdef FULL
    :: !cancelled[1] -> cancelled[1] = 1
    :: made > 1 && f[1].state == LOADING && !f[1].overdue ->
        f[1].overdue = 1
#endif
    :: break
    od
}

init {
    byte k;
    atomic {
        k = 0;
        do
        :: k < CALLERS -> waits_in[k] = NONE; run caller(k); k++
        :: else -> break
        od;
        run change();
        run trouble()
    }
    ended == CALLERS;
    atomic {
        assert(table == NONE);
        k = 0;
        do
        :: k < made ->
            assert(f[k].users == 0 && f[k].waiting == 0 && !f[k].running);
            assert(f[k].resolved == 1);
            k++
        :: else -> break
        od
    }
}
