/*
 * hang_kit: statvfs and statfs are ours in this program. On a file system that
 * does not answer they do not come back, and so it is here while `hang` says
 * so.
 */
#ifndef TESTS_UNIT_HANG_KIT_H
#define TESTS_UNIT_HANG_KIT_H

#include <stdatomic.h>

enum hang { HANG_NONE, HANG_DISK /* statvfs */, HANG_WALK /* statfs */ };
extern _Atomic enum hang hang;
extern atomic_int hanging; /* threads that do, just now */

#endif
