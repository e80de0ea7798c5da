/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TOUR_H
#define CLI_TOUR_H

/*
 * The tour of `casemate demo`: scenes that share a throwaway workspace.  A
 * scene runs commands as a user would and makes claims, which hold or do not;
 * what keeps a scene from going on is an error.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/tour_files.h"

/* How long bringing back one asset took, and may take. */
struct tour_time {
	const char *asset; /* Borrowed from the workspace. */
	int64_t took_ns;
	int64_t rto_ns; /* 0 = no objective. */
};

struct tour {
	struct cli *c;
	char *self;    /* This program. */
	char *example; /* The folder that is copied. */
	char *top;     /* Throwaway directory. */
	char *dir;     /* The workspace in it. */
	char *kit;     /* The recovery kit, away from the workspace. */
	struct workspace *ws;
	struct tour_files before; /* Every file, as it was backed up. */
	struct tour_time *times;  /* By asset. */
	int64_t lost_ns;          /* When everything was lost. */
	int64_t back_ns;          /* When everything was back. */
	size_t held, broken;      /* Claims. */
};

struct tour_scene {
	const char *name;
	const char *title;
	err (*run)(struct tour *t);
};

/* All scenes in their order; a name of NULL ends them. */
extern const struct tour_scene tour_scenes[];

/**
 * tour_say(t, fmt, ...):
 * Tell the onlooker something, unless the answer is to be JSON.
 */
void tour_say(const struct tour *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * tour_claim(t, holds, fmt, ...):
 * Count and print a claim.
 */
void tour_claim(struct tour *t, bool holds, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * tour_run(t, argv, ret_status):
 * Print the command line of ${argv}, which NULL ends, and run it in the
 * workspace; "casemate" is this program.  Set ${*ret_status} to its exit
 * status.
 */
err tour_run(struct tour *t, const char *const *argv, int *ret_status);

/**
 * tour_must(t, argv):
 * As tour_run(); any exit status but 0 is an error.
 */
err tour_must(struct tour *t, const char *const *argv);

/**
 * tour_open(c, example, ret):
 * Find the example (NULL: the one that came with the program), make the
 * throwaway directory, and point the environment of the commands at it.
 */
err tour_open(struct cli *c, const char *example, struct tour *ret);

/**
 * tour_close(t, keep):
 * Free ${t}; remove the throwaway directory unless ${keep}.
 */
void tour_close(struct tour *t, bool keep);

#endif /* CLI_TOUR_H */
