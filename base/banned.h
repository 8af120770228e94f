/*
 * banned: names that do not compile in this program. The build puts this file
 * before every source of the rooms (cmake/rooms.cmake); tests are exempt.
 *
 * The headers that declare the names come first, so that the order of
 * includes in a source does not matter.
 *
 *   strcpy strcat sprintf vsprintf gets   no bounds: slices, bufs, snprintf
 *   strncpy                               may leave no NUL: slices
 *   strtok                                hidden state: slice_split
 *   atoi atol                             no errors: slice_int64
 *   localtime gmtime asctime ctime        shared memory: clock_text
 *   rand                                  guessable: base/random.h
 *   alloca                                no bounds: arenas
 *   setlocale                             would change how numbers are read
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <alloca.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef alloca
#undef strcpy
#undef strcat
#undef strncpy
#undef strtok
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok strncpy atoi atol
#pragma GCC poison localtime gmtime asctime ctime rand alloca setlocale

/* stdout is the protocol's; only cli/ prints. Not poisoned, because the word
 * stands in format(printf, ...). */
#ifndef PHASEGATE_MAY_PRINT
#define STDOUT_IS_THE_PROTOCOLS                                                \
    ({                                                                         \
        _Static_assert(0, "stdout is the protocol's: use base/log.h");         \
        0;                                                                     \
    })
#define printf(...) STDOUT_IS_THE_PROTOCOLS
#define vprintf(...) STDOUT_IS_THE_PROTOCOLS
#define puts(...) STDOUT_IS_THE_PROTOCOLS
#define putchar(...) STDOUT_IS_THE_PROTOCOLS
#endif

#endif
