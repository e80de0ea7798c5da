/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SMALL_VAULT_H
#define SMALL_VAULT_H

/*
 * A vault of few small files in directories of the test's own: state/, data/,
 * store-a/ and, if wanted, store-b/.
 */

#include <dirent.h>
#include <sys/stat.h>

#include "base/time.h"
#include "helper.h"
#include "vault/collect.h"
#include "vault/room.h"

struct small_vault {
	struct temp_dir dir;
	char paths[4][96];
	struct vault_store_config stores[2];
	struct vault_config config;
	struct buf kit; /* The recovery kit, without a passphrase. */
	struct vault *v;
};

#define STATE   0
#define DATA    1
#define STORE_A 2
#define STORE_B 3

/**
 * small_begin():
 * Begin a test program: what it makes is made in memory, where that can be, as
 * nothing here is about losing power.
 */
static inline void
small_begin(void)
{
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	if (crypto_init().code)
		abort();
}

/**
 * small_open(s):
 * Open the vault, as a process that comes new to it would.
 */
static inline struct vault *
small_open(const struct small_vault *s)
{
	struct vault *v;

	assert_ok(vault_open(s->paths[STATE], &s->config, &v));
	return v;
}

/**
 * small_make(s, nstores):
 * Make a vault with one store or two, and open it.
 */
static inline void
small_make(struct small_vault *s, size_t nstores)
{
	static const char *const names[] = { "state", "data", "store-a",
		                             "store-b" };
	struct vault_init_opts o = { .node = "node" };

	*s = (struct small_vault){ .dir = temp_dir_open() };
	for (size_t i = 0; i < 4; i++)
		(void)snprintf(s->paths[i], sizeof(s->paths[i]), "%s/%s",
		               s->dir.path, names[i]);
	assert_int_equal(mkdir(s->paths[DATA], 0700), 0);
	s->stores[0] = (struct vault_store_config){ .name = (char *)"a",
		                                    .url = s->paths[STORE_A] };
	s->stores[1] = (struct vault_store_config){ .name = (char *)"b",
		                                    .url = s->paths[STORE_B] };
	s->config = (struct vault_config){ .stores = s->stores,
		                           .nstores = nstores };
	o.state_dir = s->paths[STATE];
	o.config = &s->config;
	s->kit = BUF_MAX(64 * KiB);
	assert_ok(vault_init(&o, &s->kit));
	s->v = small_open(s);
}

/**
 * small_drop(s):
 * Close the vault and remove all of it.
 */
static inline void
small_drop(struct small_vault *s)
{
	vault_close(s->v);
	buf_release(&s->kit);
	temp_dir_close(&s->dir);
}

/**
 * small_write(s, name, text):
 * Make or change a file below data/.
 */
static inline void
small_write(const struct small_vault *s, const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "data/%s", name);
	assert_ok(fs_write(s->dir.fd, path, text, strlen(text), 0600));
}

/**
 * small_put(s, v, ret):
 * Back up data/ through ${v}.
 */
static inline err
small_put(const struct small_vault *s, struct vault *v, struct digest *ret)
{
	struct vault_put_report r;
	struct vault_put_opts o = { .threads = 1 };
	struct vault_source src = { .asset = "files",
		                    .kind = "dataset",
		                    .base = s->paths[DATA] };
	err e = vault_put(v, &src, &o, &r);

	*ret = r.id;
	vault_put_report_release(&r);
	return e;
}

/**
 * small_backup(s):
 * Back up data/; return the id.
 */
static inline struct digest
small_backup(const struct small_vault *s)
{
	struct digest id;

	assert_ok(small_put(s, s->v, &id));
	return id;
}

/**
 * small_forget(s, id):
 * Forget one snapshot.
 */
static inline void
small_forget(const struct small_vault *s, struct digest id)
{
	assert_ok(vault_forget(s->v, &id, 1));
}

/**
 * small_prune(s, ret):
 * Collect; the caller releases the report.
 */
static inline err
small_prune(const struct small_vault *s, struct vault_prune_report *ret)
{
	struct vault_prune_opts o = { 0 };

	return vault_prune(s->v, &o, ret);
}

/**
 * small_check(v, ret):
 * Read all data; the caller releases the report.
 */
static inline void
small_check(struct vault *v, struct vault_check_report *ret)
{
	struct vault_check_opts o = { .read_data = true,
		                      .fresh = true,
		                      .threads = 1 };

	assert_ok(vault_check(v, &o, ret));
}

/**
 * small_tell(r):
 * Print what was found.
 */
static inline void
small_tell(const struct vault_check_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		print_error("%s %s: %s\n", r->v[i].store, r->v[i].object,
		            r->v[i].what);
		for (char **h = r->v[i].hurts; h != NULL && *h != NULL; h++)
			print_error("  hurts %s\n", *h);
	}
}

/**
 * small_clean(s):
 * See that a new process finds nothing bad.
 */
static inline void
small_clean(const struct small_vault *s)
{
	struct vault *v = small_open(s);
	struct vault_check_report r;

	small_check(v, &r);
	if (r.bad > 0)
		small_tell(&r);
	assert_int_equal(r.bad, 0);
	vault_check_report_release(&r);
	vault_close(v);
}

/* Names of objects. */
struct small_names {
	char v[256][128];
	size_t n;
};

static inline err
small_note(const struct store_item *item, void *arg)
{
	struct small_names *s = arg;

	assert_true(s->n < ARRAY_LEN(s->v));
	(void)snprintf(s->v[s->n++], 128, "%s", item->name);
	return OK;
}

/**
 * small_list(s, store, kind, ret):
 * List the objects of a kind in store 0 or 1.
 */
static inline void
small_list(const struct small_vault *s, size_t store, const char *kind,
           struct small_names *ret)
{
	ret->n = 0;
	assert_ok(store_list(s->v->copies[store].store, kind, small_note, ret));
}

/**
 * small_count(s, kind):
 * Count the objects of a kind in the first store.
 */
static inline size_t
small_count(const struct small_vault *s, const char *kind)
{
	struct small_names names;

	small_list(s, 0, kind, &names);
	return names.n;
}

/**
 * small_path(s, store, name, ret):
 * Set ${ret} to the path of an object below the test's directory.
 */
static inline void
small_path(const struct small_vault *s, size_t store, const char *name,
           char ret[256])
{
	const char *where = store == 0 ? "store-a" : "store-b";
	const char *slash = strchr(name, '/');
	struct digest d;

	(void)s;
	if (slash != NULL && digest_parse(slash + 1, &d))
		(void)snprintf(ret, 256, "%s/%.*s/%.2s/%s", where,
		               (int)(slash - name), name, slash + 1, slash + 1);
	else
		(void)snprintf(ret, 256, "%s/%s", where, name);
}

/**
 * small_remove(s, store, name):
 * Remove the file of an object, as a bad disk might.
 */
static inline void
small_remove(const struct small_vault *s, size_t store, const char *name)
{
	char path[256];

	small_path(s, store, name, path);
	assert_int_equal(unlinkat(s->dir.fd, path, 0), 0);
}

/**
 * small_size(s, store, name):
 * Return the bytes of an object.
 */
static inline size_t
small_size(const struct small_vault *s, size_t store, const char *name)
{
	uint64_t size;

	assert_ok(store_size(s->v->copies[store].store, name, &size));
	return (size_t)size;
}

/**
 * small_flip(s, store, name, off, mask):
 * Flip bits of one byte of an object; again undoes it.
 */
static inline void
small_flip(const struct small_vault *s, size_t store, const char *name,
           size_t off, uint8_t mask)
{
	char path[256];
	uint8_t byte;
	int fd;

	small_path(s, store, name, path);
	fd = openat(s->dir.fd, path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)off), 1);
	byte ^= mask;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)off), 1);
	(void)close(fd);
}

/**
 * small_marker(s, kind, session, packs, when, name):
 * Put a pending or condemned marker as this node would write it.
 */
static inline void
small_marker(const struct small_vault *s, enum record_kind kind,
             const uint8_t session[ID_LEN], const struct packset *packs,
             int64_t when, char name[80])
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct record r = { .kind = kind, .time_ns = when, .lock = LOCK_KEPT };
	char hex[2 * ID_LEN + 1];

	memcpy(r.vault, s->v->keys.vault, ID_LEN);
	memcpy(r.domain, s->v->keys.domain.id, ID_LEN);
	memcpy(r.session, session, ID_LEN);
	if (packs != NULL)
		r.packs = *packs;
	hex_encode(session, ID_LEN, hex);
	(void)snprintf(name, 80,
	               kind == RECORD_PENDING ? "pending/%s-9" : "condemned/%s",
	               hex);
	assert_ok(record_encode(&r, &s->v->keys.sign, &b));
	for (size_t i = 0; i < s->v->ncopies; i++)
		if (s->v->copies[i].store != NULL)
			assert_ok(
			    store_put(s->v->copies[i].store, name, b.p, b.len));
}

/**
 * small_clock(days):
 * Let the wall clock stand ${days} days ahead; 0: let it run again.
 */
static inline void
small_clock(int days)
{
	struct time_text t;

	(void)unsetenv("CASEMATE_CLOCK");
	if (days == 0)
		return;
	t = time_text(time_now() + days * COLLECT_DAY);
	(void)setenv("CASEMATE_CLOCK", t.s, 1);
}

#endif /* SMALL_VAULT_H */
