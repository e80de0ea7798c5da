/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_POSTURE_H
#define CLI_POSTURE_H

/*
 * How well a workspace is protected right now.  Facts are gathered first, then
 * judged; judging touches nothing, so that tests can make facts up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asset/workspace.h"
#include "cli/machine.h"
#include "vault/vault.h"

enum posture_colour {
	POSTURE_GREEN, /* All is met. */
	POSTURE_AMBER, /* Protection is not yet complete. */
	POSTURE_RED,   /* A promise is broken. */
};

/* Why it is not green, and what mends it. */
struct posture_reason {
	enum posture_colour colour;
	char *asset; /* NULL: the workspace. */
	char *why;
	char *mend; /* A command line, or what to do. */
};

/* What is known of one asset. */
struct posture_asset {
	const char *name; /* Borrowed from the workspace. */
	const char *kind;
	int64_t rpo_ns; /* Objectives; 0 = none. */
	int64_t rto_ns;

	bool live;           /* A source that this version cannot read. */
	bool source_missing; /* Nothing is at its place. */
	char *source_why;    /* Why it cannot be read; NULL if it can. */

	struct snapshot newest; /* newest.finished_ns = 0: there is none. */
	size_t snapshots;
	size_t copies; /* Stores that hold the newest one. */
	size_t media;  /* Different media and sites among these. */
	size_t sites;
	bool compared; /* drift was found out. */
	struct vault_drift drift;

	enum posture_colour colour; /* Of the judgement. */
};

struct posture {
	int64_t now_ns;
	struct posture_asset *assets;
	size_t nassets;
	size_t nstores;
	size_t nopen;      /* Of these, how many are open. */
	char **stores_why; /* By store: why it is not open; NULL = open. */
	const struct vault_config *config; /* Borrowed. */
	enum machine_kit kit;
	struct vault_problems bad; /* Snapshots that cannot be trusted. */

	enum posture_colour colour; /* Of the judgement: the worst. */
	struct posture_reason *reasons;
	size_t nreasons, cap;
};

/**
 * posture_gather(ws, v, now_ns, ret):
 * Find out everything about ${ws}.  ${v} is its vault, or NULL where no store
 * answers.  ${ws} must outlive ${*ret}, which the caller releases.
 */
err posture_gather(const struct workspace *ws, struct vault *v, int64_t now_ns,
                   struct posture *ret);

/**
 * posture_judge(p):
 * Set the colours and reasons of ${p}, worst first, from its facts.
 */
err posture_judge(struct posture *p);

/**
 * posture_colour(c):
 * Return "green", "amber" or "red".
 */
const char *posture_colour(enum posture_colour c);

/**
 * posture_unprotected(a):
 * Return how many files of ${a} differ from its newest snapshot.
 */
uint64_t posture_unprotected(const struct posture_asset *a);

/**
 * posture_release(p):
 * Free what ${p} holds.
 */
void posture_release(struct posture *p);

#endif /* CLI_POSTURE_H */
