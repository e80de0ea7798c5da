/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/*
 * Calls that no source may make, because each has a bounded, reentrant or
 * checked counterpart.  The build includes this file in front of every source:
 * first the headers that declare the calls, then macros that turn their use
 * into a compile error whose text names the counterpart.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define BANNED(call, instead) banned_##call##_use_##instead

#undef strcpy
#define strcpy(...) BANNED(strcpy, mem_dup)
#undef strcat
#define strcat(...) BANNED(strcat, buf_str)
#undef stpcpy
#define stpcpy(...) BANNED(stpcpy, buf_str)
#undef strncpy
#define strncpy(...) BANNED(strncpy, memcpy)
#undef strncat
#define strncat(...) BANNED(strncat, buf_add)
#undef sprintf
#define sprintf(...) BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf, vsnprintf)
#undef gets
#define gets(...) BANNED(gets, getline)
#undef strtok
#define strtok(...) BANNED(strtok, strtok_r)
#undef system
#define system(...) BANNED(system, spawn)
#undef popen
#define popen(...) BANNED(popen, spawn)
#undef atoi
#define atoi(...) BANNED(atoi, strtol)
#undef atol
#define atol(...) BANNED(atol, strtol)
#undef atoll
#define atoll(...) BANNED(atoll, strtoll)
#undef atof
#define atof(...) BANNED(atof, strtod)
#undef mktemp
#define mktemp(...) BANNED(mktemp, mkstemp)
#undef tmpnam
#define tmpnam(...) BANNED(tmpnam, mkstemp)
#undef tempnam
#define tempnam(...) BANNED(tempnam, mkstemp)
#undef gmtime
#define gmtime(...) BANNED(gmtime, gmtime_r)
#undef localtime
#define localtime(...) BANNED(localtime, localtime_r)
#undef ctime
#define ctime(...) BANNED(ctime, strftime)
#undef asctime
#define asctime(...) BANNED(asctime, strftime)

#endif /* BASE_BANNED_H */
