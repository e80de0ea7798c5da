/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DIR_H
#define STORE_DIR_H

/* What the parts of the directory store share; private to this room. */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/fdcache.h"
#include "store/ops.h"

/* The marker at the root: without it a directory is no store. */
#define DIR_MARKER "casemate-store"

/* Kinds whose directories are remembered as durable; others cost a look. */
#define DIR_KINDS 16

/* The directories of one kind that are known to survive power loss. */
struct dir_proven {
	char kind[STORE_NAME_MAX + 1];
	bool direct;     /* The directory of the kind itself. */
	uint8_t fan[32]; /* Bit n: its fan-out directory n. */
};

/* One open directory store. */
struct dir {
	int root;         /* The directory itself. */
	int tmp;          /* Its "tmp". */
	mode_t dir_mode;  /* Of new directories: as the root's. */
	mode_t file_mode; /* Of new objects: those of the root who may read. */
	bool read_only;   /* Has a feature that only readers may ignore. */
	struct fdcache *fds;

	pthread_mutex_t lock; /* Of what follows. */
	struct dir_proven proven[DIR_KINDS];
	unsigned n_proven;
};

#endif /* STORE_DIR_H */
