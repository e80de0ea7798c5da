/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

/*
 * The vault keeps bytes: it cuts, names, encodes, seals and packs them into one
 * or more stores, and gives them back only after checking every one.  There is
 * no lock: any number of processes may back up, restore, check and collect at
 * once (FORMAT.md says why that is safe).  See FORMAT.md for the bytes.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "crypto/crypto.h"
#include "vault/config.h"

/* Opaque; one per open vault.  Calls on one vault may come from any thread,
 * one at a time unless a contract says otherwise. */
struct vault;

/* --- progress and problems ------------------------------------------------ */

/*
 * What long work tells while it runs.  The caller zeroes it, hands it in, and
 * may read it from another thread at any time.
 */
struct vault_progress {
	_Atomic(const char *) phase;    /* Static text: "reading", "sealing". */
	atomic_uint_fast64_t items;     /* Files or objects done. */
	atomic_uint_fast64_t items_all; /* Of how many; 0 = not known yet. */
	atomic_uint_fast64_t bytes;     /* Bytes done. */
	atomic_uint_fast64_t bytes_all; /* Of how many; 0 = not known yet. */
	atomic_bool cancel;             /* Set by the caller: stop soon. */
};

/* Something that could not be done, and why; the rest went on. */
struct vault_problem {
	char *path; /* Quoted for people (fs_quote). */
	char *why;
};

/* Complete up to VAULT_PROBLEMS_KEPT; `total` always counts all. */
#define VAULT_PROBLEMS_KEPT 10000
struct vault_problems {
	struct vault_problem *v; /* Owned. */
	size_t n, cap;
	uint64_t total;
};

/**
 * vault_problems_release(p):
 * Free the list.
 */
void vault_problems_release(struct vault_problems *p);

/* --- making and opening --------------------------------------------------- */

struct vault_init_opts {
	const char *state_dir;             /* ".casemate", exists or is made. */
	const struct vault_config *config; /* Where the copies shall be. */
	const char *node;                  /* Name of this machine. */
	const char *passphrase; /* Guards the kit; NULL = bearer kit. */
	bool again; /* An earlier run broke off: use the stores it has made. */
	/* Called with the kit before anything is made; or NULL. */
	err (*keep_kit)(void *arg, const struct buf *kit);
	void *arg;
	bool *begun; /* Set when a store has been made; or NULL. */
};

/**
 * vault_init(o, kit):
 * Make a new vault: root seed, first epoch, this node's keys
 * (state_dir/node.key, 0600), the stores, their descriptors and key statements.
 * Append the text of the recovery kit to ${kit}; without a passphrase whoever
 * holds that text holds the vault.  E_EXISTS if there is a node key or a store
 * already; then nothing changed.  The node key comes last: without it nothing
 * was made that counts, and a run with ${again} takes over stores that hold no
 * snapshot yet.
 */
err vault_init(const struct vault_init_opts *o, struct buf *kit);

/**
 * vault_recover(kit, kit_len, passphrase, store_url, state_dir, node):
 * Make state_dir/node.key again from a recovery kit and one store: a new node
 * ${node} is enrolled that reads and continues what the old ones wrote.
 * E_DENIED if the passphrase is wrong, E_CORRUPT if the kit's checksum does not
 * hold, E_INVALID if the store belongs to another vault.
 */
err vault_recover(const char *kit, size_t kit_len, const char *passphrase,
                  const char *store_url, const char *state_dir,
                  const char *node);

/**
 * vault_open(state_dir, config, ret):
 * Open the vault whose keys are in ${state_dir}.  A store that does not answer
 * is noted (vault_store_state) and left out; E_UNREACHABLE if none answers.
 * ${config} and ${state_dir} are borrowed for the vault's life.  Must be called
 * before the process has threads, because it starts the sandboxed boundary
 * finder.
 */
err vault_open(const char *state_dir, const struct vault_config *config,
               struct vault **ret);

/**
 * vault_close(v), vault_closep(v):
 * Release ${v} and wipe its keys; NULL is fine.
 */
void vault_close(struct vault *v);
void vault_closep(struct vault **v);

/**
 * vault_store_state(v, i):
 * Return NULL if store ${i} of the configuration is open, else why it is not
 * (borrowed).
 */
const char *vault_store_state(const struct vault *v, size_t i);

/* One key statement of the vault. */
struct vault_key_info {
	const char *kind; /* "root", "epoch", "node", "unknown". */
	const char *name; /* Node name; else epoch or statement in digits. */
	struct digest id; /* Key id. */
	int64_t since_ns; /* When it was enrolled. */
	bool mine;        /* It is this node's. */
	bool write_only;
};

/**
 * vault_key_list(v, fn, arg):
 * Call ${fn} for every key of the vault, oldest first.
 */
err vault_key_list(struct vault *v,
                   err (*fn)(const struct vault_key_info *k, void *arg),
                   void *arg);

/* --- snapshots ------------------------------------------------------------ */

/* What a snapshot says of itself.  Release with snapshot_release(). */
struct snapshot {
	struct digest id;
	char *asset;
	char *kind; /* Asset kind, as in casemate.yaml. */
	char *node; /* Who made it. */
	char *base; /* Directory that was saved, absolute, quoted. */
	int64_t started_ns;
	int64_t finished_ns;
	uint64_t sequence;   /* Per node, from 1. */
	struct digest prev;  /* Snapshot before it of that asset; zero if none.
	                      */
	struct digest root;  /* Chunk name of the root directory. */
	uint8_t *root_entry; /* The root's own metadata, an encoded entry. */
	size_t root_entry_len;
	uint64_t files, dirs, others;
	uint64_t bytes;        /* Plain size of all files. */
	uint64_t bytes_new;    /* Plain bytes not in the vault before. */
	uint64_t bytes_stored; /* Sealed bytes added. */
	uint64_t problems;     /* Files that could not be read. */
	uint64_t unsteady;     /* Files that changed while they were read. */
	bool partial;          /* Of the base only some names were saved. */
};

/**
 * snapshot_release(s):
 * Free what ${s} owns; for AUTO().
 */
void snapshot_release(struct snapshot *s);

struct snapshot_list {
	struct snapshot *v; /* Owned; oldest first. */
	size_t n, cap;
	struct vault_problems bad; /* Snapshot objects that cannot be trusted.
	                            */
};

/**
 * snapshot_list_release(l):
 * Free the list and its snapshots.
 */
void snapshot_list_release(struct snapshot_list *l);

/**
 * vault_snapshots(v, asset, ret):
 * List the snapshots of ${asset} (NULL = of all), oldest first.  A snapshot
 * that does not verify is not listed but named in ret->bad.
 */
err vault_snapshots(struct vault *v, const char *asset,
                    struct snapshot_list *ret);

/**
 * vault_find(v, asset, spec, ret):
 * Find the one snapshot that ${spec} means: an id or a unique prefix of at
 * least 6 hex digits, "latest", or an RFC 3339 time (the newest not after it).
 * ${asset} may be NULL for an id.  E_NOTFOUND, E_INVALID if ambiguous; "clean"
 * is E_UNSUPPORTED as long as there is no ledger to ask.
 */
err vault_find(struct vault *v, const char *asset, const char *spec,
               struct snapshot *ret);

/* What to save: `base`, or of it only `picks`. */
struct vault_source {
	const char *asset;
	const char *kind;
	const char *base;   /* Absolute path of a directory. */
	char *const *picks; /* Paths below base; NULL-terminated; NULL = all. */
};

struct vault_put_opts {
	char *const *exclude;  /* Patterns, NULL-terminated; or NULL. */
	bool one_file_system;  /* Do not cross into other file systems. */
	bool rehash;           /* Read every file, whatever its times say. */
	bool digests;          /* SHA-256 of every file into its tree entry. */
	uint64_t limit_read;   /* Bytes per second; 0 = no limit. */
	uint64_t limit_upload; /* Bytes per second; 0 = no limit. */
	unsigned threads;      /* 0 = one a CPU. */
	struct vault_progress *progress; /* Or NULL. */
};

/* How one store fared. */
struct vault_store_outcome {
	const char *name; /* Borrowed from the configuration. */
	char *why;        /* NULL = it holds the snapshot; owned. */
};

struct vault_put_report {
	struct digest id; /* Zero if nothing was committed. */
	uint64_t files, dirs, others, bytes;
	uint64_t files_new, files_changed, files_same, files_gone;
	uint64_t bytes_read, bytes_new, bytes_stored, objects_new;
	uint64_t unsteady;
	uint64_t excluded; /* Entries left out by patterns, ignore files, tags.
	                    */
	struct vault_problems problems;
	struct vault_store_outcome *stores;
	size_t nstores;
	int64_t wall_ns;
	int64_t cpu_walk_ns, cpu_read_ns, cpu_cut_ns, cpu_hash_ns, cpu_code_ns,
	    cpu_seal_ns, cpu_put_ns; /* CPU time by stage. */
};

/**
 * vault_put_report_release(r):
 * Free what the report owns.
 */
void vault_put_report_release(struct vault_put_report *r);

/**
 * vault_put(v, src, opts, ret):
 * Store what ${src} names as a snapshot.  OK means that the snapshot survives
 * power loss in every store.  ret->id is set, and final, as soon as one store
 * has it.  After a crash the next reader finds all of it or none of it.
 * E_PARTIAL if some files could not be read or some store lags: the rest is
 * stored, the report tells.  E_NOTFOUND if src->base does not exist (nothing is
 * stored: an unmounted source must not look like a deletion).  The report is
 * filled in any case and is released by the caller.
 */
err vault_put(struct vault *v, const struct vault_source *src,
              const struct vault_put_opts *opts, struct vault_put_report *ret);

/* How the source differs from the newest snapshot, by names and times alone. */
struct vault_drift {
	uint64_t same, changed, added, missing;
	uint64_t bytes_unprotected; /* Of changed and added files. */
	bool no_base;               /* The source does not exist. */
	bool no_snapshot;           /* Nothing to compare with on this node. */
	struct vault_problems sample; /* Some of the differing paths. */
};

/**
 * vault_compare(v, src, opts, ret):
 * Compare ${src} with what this node saved last, reading no file.
 */
err vault_compare(struct vault *v, const struct vault_source *src,
                  const struct vault_put_opts *opts, struct vault_drift *ret);

/* --- reading -------------------------------------------------------------- */

/* One entry of a tree, lent to a callback. */
struct vault_entry {
	const char *path; /* Below the snapshot's root, quoted; "" is the root.
	                   */
	char type;        /* 'f' 'd' 'l' 'p' 'c' 'b' 's', as in ls -l but f. */
	unsigned mode;    /* Permission bits. */
	uint32_t uid, gid;
	const char *user, *group; /* Names then, or NULL. */
	uint64_t size;
	int64_t mtime_ns;
	const char *target; /* Of a symbolic link, quoted; else NULL. */
	bool unsteady, unreadable;
	const struct digest *sha256; /* NULL if not known. */
};

/**
 * vault_ls(v, s, path, recursive, fn, arg):
 * Call ${fn} for what lies in directory ${path} ("" = root) of snapshot ${s},
 * sorted by name, or for the file itself; ${recursive} goes all the way down.
 */
err vault_ls(struct vault *v, const struct snapshot *s, const char *path,
             bool recursive, err (*fn)(const struct vault_entry *e, void *arg),
             void *arg);

/**
 * vault_cat(v, s, path, fn, arg):
 * Hand the checked bytes of a file to ${fn}, in order.
 */
err vault_cat(struct vault *v, const struct snapshot *s, const char *path,
              err (*fn)(const void *p, size_t n, void *arg), void *arg);

/**
 * vault_diff(v, a, b, path, fn, arg):
 * Call ${fn} for each path that differs between snapshots ${a} and ${b}: '+'
 * added,
 * '-' removed, 'M' content, 'm' only metadata, 'T' type.  ${before} or ${after}
 * is NULL where there is none.  Equal subtrees are not read.
 */
err vault_diff(struct vault *v, const struct snapshot *a,
               const struct snapshot *b, const char *path,
               err (*fn)(char what, const struct vault_entry *before,
                         const struct vault_entry *after, void *arg),
               void *arg);

enum vault_restore_mode {
	RESTORE_NEW,      /* Into a directory that does not exist yet. */
	RESTORE_ABSENT,   /* Only what is absent below the target. */
	RESTORE_IN_PLACE, /* What differs, file by file; old ones kept aside. */
};

struct vault_restore_opts {
	enum vault_restore_mode mode;
	const char *target;    /* Absolute directory. */
	char *const *paths;    /* Only these and below; NULL = all. */
	bool plan_only;        /* Say what would be done, do nothing. */
	bool displace_extra;   /* In place: move extra files aside as well. */
	bool no_owner;         /* Do not set owners (implied without root). */
	unsigned threads;      /* 0 = one a CPU. */
	const char *displaced; /* Directory that takes replaced files. */
	struct vault_progress *progress;
};

struct vault_restore_report {
	uint64_t files, dirs, others, bytes; /* Restored. */
	uint64_t equal;                      /* Already as in the snapshot. */
	uint64_t conflicts;     /* Present and different, left alone. */
	uint64_t displaced;     /* Moved aside. */
	uint64_t bytes_fetched; /* Sealed bytes read from the stores. */
	char *displaced_dir;    /* Where to; NULL if none. */
	struct vault_problems problems;
	struct vault_problems plan; /* With plan_only: path and what. */
	int64_t wall_ns;
	int64_t cpu_fetch_ns, cpu_open_ns, cpu_code_ns, cpu_hash_ns,
	    cpu_write_ns; /* CPU time by stage. */
};

/**
 * vault_restore_report_release(r):
 * Free what the report owns.
 */
void vault_restore_report_release(struct vault_restore_report *r);

/**
 * vault_restore(v, s, opts, ret):
 * Write the files of snapshot ${s} below opts->target.  RESTORE_NEW: the target
 * appears whole, by one rename, or not at all.  Nothing is ever written outside
 * the target, and no byte that was not checked.  Interrupted, the same call
 * goes on where it stopped.  E_PARTIAL if some files could not be restored (the
 * report names them), E_EXISTS if mode is RESTORE_NEW and the target exists and
 * is not empty.
 */
err vault_restore(struct vault *v, const struct snapshot *s,
                  const struct vault_restore_opts *opts,
                  struct vault_restore_report *ret);

/**
 * vault_mount(v, asset, mountpoint, foreground_ready, arg):
 * Serve all snapshots (of ${asset}, or of all) read-only below ${mountpoint} as
 * <asset>/<time>/… until it is unmounted or a signal comes.  Calls
 * ${foreground_ready} once the mount is up.  E_UNSUPPORTED without /dev/fuse.
 */
err vault_mount(struct vault *v, const char *asset, const char *mountpoint,
                void (*foreground_ready)(void *arg), void *arg);

/* --- checking ------------------------------------------------------------- */

struct vault_check_opts {
	bool read_data; /* Read and open every byte, not only structure. */
	double sample;  /* With read_data: fraction of packs, 0 to 1. */
	bool fresh;     /* Forget what earlier runs have proven. */
	unsigned threads;
	struct vault_progress *progress;
};

/* Something wrong with one object, and whom it hurts. */
struct vault_finding {
	char *store;     /* Name of the store. */
	char *object;    /* Name of the object. */
	char *what;      /* One line. */
	char **hurts;    /* "asset@id: path"; NULL-terminated. */
	uint64_t nhurts; /* All of them; hurts may be cut at 1000. */
	bool benign;     /* Left-overs that prune removes; no verdict. */
};

struct vault_check_report {
	uint64_t snapshots, packs, chunks, trees, files, bytes_read;
	uint64_t packs_proven_before; /* Skipped: proven by an earlier run. */
	struct vault_finding *v;
	size_t n, cap;
	uint64_t bad; /* Findings that are not benign: the verdict. */
	int64_t wall_ns;
};

/**
 * vault_check_report_release(r):
 * Free the findings.
 */
void vault_check_report_release(struct vault_check_report *r);

/**
 * vault_check(v, opts, ret):
 * Check that every copy of the vault is whole: names, signatures, index, trees,
 * references; with read_data every byte of every object.  The verdict is
 * ret->bad == 0; an err only means that the check could not be made.  Progress
 * is noted in the state directory, so that an interrupted check goes on.
 */
err vault_check(struct vault *v, const struct vault_check_opts *opts,
                struct vault_check_report *ret);

/* --- forgetting and collecting -------------------------------------------- */

/* A snapshot and what the policy says of it. */
struct vault_keep_line {
	struct digest id;
	bool keep;
	char why[64]; /* "daily 2026-11-20", "last", … */
};

/**
 * vault_keep_plan(list, keep, ret):
 * Decide for each snapshot of ${list} (one asset, oldest first) whether ${keep}
 * keeps it; ${ret} has room for list->n lines.  A policy of zeroes keeps all;
 * the newest is always kept.
 */
void vault_keep_plan(const struct snapshot_list *list,
                     const struct vault_keep *keep,
                     struct vault_keep_line *ret);

/**
 * vault_forget(v, ids, n):
 * Remove ${n} snapshots from every store; their bytes go with the next prune.
 */
err vault_forget(struct vault *v, const struct digest *ids, size_t n);

struct vault_prune_opts {
	bool dry_run;
	unsigned repack_below; /* Repack packs less than this % in use; 0 = no.
	                        */
	struct vault_progress *progress;
};

struct vault_prune_report {
	uint64_t packs, packs_used, packs_deleted, packs_repacked;
	uint64_t bytes_deleted, bytes_repacked;
	uint64_t pending_live, pending_expired;
	uint64_t indexes_merged;
	struct vault_problems problems;
};

/**
 * vault_prune_report_release(r):
 * Free what the report owns.
 */
void vault_prune_report_release(struct vault_prune_report *r);

/**
 * vault_prune(v, opts, ret):
 * Delete what no snapshot and no running backup needs.  May run beside backups
 * and other prunes.  E_CORRUPT, and nothing is deleted, where a snapshot's
 * needs cannot be known.
 */
err vault_prune(struct vault *v, const struct vault_prune_opts *opts,
                struct vault_prune_report *ret);

struct vault_store_stats {
	const char *name; /* Borrowed from the configuration. */
	bool open;
	uint64_t packs, pack_bytes;
	uint64_t indexes, index_bytes;
	uint64_t snapshots, other_bytes;
	uint64_t free_bytes, total_bytes;
};

struct vault_stats {
	struct vault_store_stats *stores;
	size_t nstores;
	uint64_t chunks;
	uint64_t plain_bytes;  /* Of all chunks, before coding. */
	uint64_t source_bytes; /* Of all files of all snapshots. */
};

/**
 * vault_stats_release(s):
 * Free what ${s} owns.
 */
void vault_stats_release(struct vault_stats *s);

/**
 * vault_stats(v, ret):
 * Count what each store holds.
 */
err vault_stats(struct vault *v, struct vault_stats *ret);

#endif /* VAULT_VAULT_H */
