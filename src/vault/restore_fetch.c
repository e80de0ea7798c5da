/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parallel half of restore.  Wants are sorted by where they lie, so each
 * segment is fetched, opened and decoded once for all files that want a piece
 * of it; neighbouring segments come in one read.  A file of one piece is made,
 * written and finished in one go.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/pool.h"
#include "base/time.h"
#include "vault/chunklist.h"
#include "vault/restore.h"

#define AHEAD_MAX                                                              \
	(4 * MiB) /* One read is no longer, unless one segment is.   \
	                     */
#define GAP_MAX       (64 * KiB) /* Unwanted bytes that are read along. */
#define UNIT_WANTS    1024
#define UNIT_SEGMENTS 8

struct fetching {
	struct restore *r;
	struct reader **readers; /* One a thread. */
	size_t *units;           /* Where each unit of work begins. */
	size_t nunits;
	atomic_size_t next;
};

static int
want_cmp(const void *a, const void *b)
{
	const struct want *x = a, *y = b;

	if (x->at.pack != y->at.pack)
		return x->at.pack < y->at.pack ? -1 : 1;
	if (x->at.segment != y->at.segment)
		return x->at.segment < y->at.segment ? -1 : 1;
	if (x->at.pos != y->at.pos)
		return x->at.pos < y->at.pos ? -1 : 1;
	return x->file < y->file ? -1 : x->file > y->file;
}

/* A file of one piece is made here; others exist already. */
static int
open_piece(struct rfile *f)
{
	const char *name = f->temp != NULL ? f->temp : f->name;
	int flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC;

	if (f->pieces == 1)
		flags |= O_CREAT | O_EXCL;
	return openat(f->dir->fd, name, flags, 0600);
}

static void
write_piece(struct restore *r, const struct want *w, const uint8_t *plain)
{
	struct rfile *f = &r->batch.files[w->file];
	int64_t t0 = w->len > 64 * KiB ? time_cpu() : 0;
	int fd;
	err e;

	if (f->failed)
		return;
	if ((fd = open_piece(f)) < 0) {
		rfile_refused(r, f, err_sys("cannot be made"));
		return;
	}
	e = fs_pwrite_full(fd, plain + w->skip, w->len, (off_t)w->off);
	if (e.code)
		atomic_store(&r->unwritable, true);
	if (!e.code && f->pieces == 1) {
		/* The common case: nobody else touches it. */
		if (w->off + w->len != f->meta.size &&
		    ftruncate(fd, (off_t)f->meta.size) != 0)
			e = err_sys("size");
		if (!e.code)
			e = restore_meta(fd, -1, NULL, &f->meta, r->owners);
	}
	if (close(fd) != 0 && !e.code)
		e = err_sys("cannot be written");
	if (e.code)
		rfile_fail(f, e);
	if (t0)
		atomic_fetch_add(&r->cpu_write, time_cpu() - t0);
	if (r->opts->progress != NULL)
		atomic_fetch_add(&r->opts->progress->bytes, w->len);
}

static void
piece_done(struct restore *r, const struct want *w)
{
	struct rfile *f = &r->batch.files[w->file];

	if (atomic_fetch_sub(&f->left, 1) == 1 && f->pieces > 1)
		rfile_finish(r, f);
}

/* All wants from ${*i} on that lie in one segment. */
static err
segment_wants(struct fetching *k, struct reader *rd, const struct pack_dir *d,
              const struct secret *key, size_t *i, size_t end)
{
	struct want *wants = k->r->batch.wants;
	uint16_t segment = wants[*i].at.segment;
	const struct segment_row *s = &d->segments[segment];
	const struct chunk_row *checked = NULL;
	const uint8_t *plain = NULL;
	int64_t t0 = time_cpu();
	err e = OK;

	if (segment >= d->nsegments)
		e = err_new(E_CORRUPT, "the index points outside of its pack");
	else
		e = reader_segment(rd, wants[*i].at.pack, d, key, segment,
		                   &plain);
	atomic_fetch_add(&k->r->cpu_open, time_cpu() - t0);
	for (; *i < end && wants[*i].at.segment == segment; (*i)++) {
		const struct want *w = &wants[*i];
		const struct chunk_row *row;
		err bad = OK;

		if (e.code) {
			bad = err_new(e.code, "%s", err_text(e));
		} else if (w->at.pos >= s->n) {
			bad = err_new(
			    E_CORRUPT,
			    "the index points outside of its segment");
		} else if ((row = &d->chunks[s->first + w->at.pos]) !=
		           checked) {
			t0 = row->len > 64 * KiB ? time_cpu() : 0;
			bad = chunk_check(&k->r->v->keys.domain.naming, row,
			                  plain, NULL);
			if (t0)
				atomic_fetch_add(&k->r->cpu_hash,
				                 time_cpu() - t0);
			if (!bad.code)
				checked = row;
		}
		if (!bad.code && (uint64_t)w->skip + w->len > checked->len)
			bad = err_new(E_CORRUPT,
			              "a chunk shorter than its file "
			              "says");
		if (bad.code)
			rfile_fail(&k->r->batch.files[w->file], bad);
		else
			write_piece(k->r, w, plain + checked->off);
		piece_done(k->r, w);
	}
	return e;
}

/* Fetch in one read the wanted segments that follow closely on each other. */
static void
prefetch(struct fetching *k, struct reader *rd, const struct pack_dir *d,
         size_t i, size_t end)
{
	const struct want *w = k->r->batch.wants;
	uint32_t first = w[i].at.segment, last = first;
	int64_t t0 = time_cpu();

	if (first >= d->nsegments)
		return;
	for (size_t j = i + 1; j < end; j++) {
		const struct segment_row *s, *l = &d->segments[last];

		if (w[j].at.segment == last)
			continue;
		if (w[j].at.segment >= d->nsegments)
			break;
		s = &d->segments[w[j].at.segment];
		if (s->off - (l->off + l->sealed_len) > GAP_MAX ||
		    s->off + s->sealed_len - d->segments[first].off > AHEAD_MAX)
			break;
		last = w[j].at.segment;
	}
	reader_prefetch(rd, w[i].at.pack, d, first, last);
	atomic_fetch_add(&k->r->cpu_fetch, time_cpu() - t0);
}

static bool
covered(const struct pack_dir *d, uint32_t from, uint32_t segment)
{
	return segment < d->nsegments &&
	    d->segments[segment].off + d->segments[segment].sealed_len -
		d->segments[from].off <=
	    AHEAD_MAX;
}

static void
fail_all(struct restore *r, size_t i, size_t end, err e)
{
	for (; i < end; i++) {
		rfile_fail(&r->batch.files[r->batch.wants[i].file],
		           err_new(e.code, "%s", err_text(e)));
		piece_done(r, &r->batch.wants[i]);
	}
	err_drop(e);
}

/* One unit: wants of one pack. */
static void
do_unit(struct fetching *k, struct reader *rd, size_t i, size_t end)
{
	const struct want *w = k->r->batch.wants;
	AUTO(secret_release) struct secret key = { 0 };
	const struct pack_dir *d;
	uint32_t pack = w[i].at.pack;
	uint32_t from = UINT32_MAX;
	err e;

	if ((e = reader_dir(rd, pack, &d, &key)).code) {
		fail_all(k->r, i, end, e);
		return;
	}
	while (i < end) {
		if (from == UINT32_MAX || !covered(d, from, w[i].at.segment)) {
			prefetch(k, rd, d, i, end);
			from = w[i].at.segment < d->nsegments ? w[i].at.segment
							      : 0;
		}
		/* What fails is noted with the files that it hurts. */
		err_drop(segment_wants(k, rd, d, &key, &i, end));
	}
	reader_dir_done(rd, pack);
}

static err
fetching(void *arg, unsigned worker)
{
	struct fetching *k = arg;
	struct batch *b = &k->r->batch;
	size_t u;

	while ((u = atomic_fetch_add(&k->next, 1)) < k->nunits) {
		size_t end = u + 1 < k->nunits ? k->units[u + 1] : b->nwants;

		if (k->r->opts->progress != NULL &&
		    atomic_load(&k->r->opts->progress->cancel))
			return err_new(E_CANCELLED, "stopped");
		do_unit(k, k->readers[worker], k->units[u], end);
	}
	return OK;
}

/* Cut the sorted wants into units: one pack, a few segments each. */
static err
make_units(struct fetching *k)
{
	const struct batch *b = &k->r->batch;
	size_t cap = 0, segments = 0;
	err e;

	for (size_t i = 0; i < b->nwants; i++) {
		const struct want *w = &b->wants[i];
		bool new_segment = i == 0 || w->at.pack != w[-1].at.pack ||
		    w->at.segment != w[-1].at.segment;

		if (!new_segment)
			continue;
		if (i > 0 && w->at.pack == w[-1].at.pack &&
		    ++segments < UNIT_SEGMENTS &&
		    i - k->units[k->nunits - 1] < UNIT_WANTS)
			continue;
		if ((e = mem_grow(&k->units, k->nunits + 1, &cap,
		                  sizeof(*k->units)))
		        .code)
			return e;
		k->units[k->nunits++] = i;
		segments = 0;
	}
	return OK;
}

err
restore_fetch(struct restore *r)
{
	struct fetching k = { .r = r };
	struct pool *pool = NULL;
	unsigned made = 0;
	err e;

	if (r->batch.nwants == 0)
		return OK;
	qsort(r->batch.wants, r->batch.nwants, sizeof(*r->batch.wants),
	      want_cmp);
	e = make_units(&k);
	if (!e.code)
		e = mem_alloc(r->threads, sizeof(*k.readers), &k.readers);
	for (; !e.code && made < r->threads; made++)
		if ((e = reader_new(r->v, &k.readers[made])).code)
			break;
	if (!e.code && !(e = pool_new(r->threads, fetching, &k, &pool)).code)
		e = pool_join(pool);
	for (unsigned i = 0; i < made; i++) {
		atomic_fetch_add(&r->fetched, reader_fetched(k.readers[i]));
		reader_free(k.readers[i]);
	}
	free(k.readers);
	free(k.units);
	return e;
}

/* --- comparing ------------------------------------------------------------ */

struct comparing {
	struct restore *r;
	bool fix_meta;
	atomic_size_t next;
};

/* Is what ${fd} holds the wanted content?  Wants of one file lie together and
 * in order before they are sorted. */
static err
same_content(struct restore *r, size_t file, int fd, uint8_t *window, bool *ret)
{
	const struct rfile *f = &r->batch.files[file];
	AUTO(reader_freep) struct reader *rd = NULL;
	AUTO(chunklist_closep) struct chunklist *l = NULL;
	struct tree_entry entry;
	struct chunk_ref ref;
	struct cur c = CUR(f->enc, f->enc_len);
	struct holes holes;
	uint64_t at = 0, run;
	bool more;
	err e;

	*ret = false;
	if ((e = entry_decode(&c, &entry)).code ||
	    (e = reader_new(r->v, &rd)).code ||
	    (e = chunklist_open(rd, &r->v->keys.domain.naming, &entry, &l))
	        .code ||
	    (e = holes_init(&holes, &entry)).code)
		return e;
	while (!(e = chunklist_next(l, &ref, &more)).code && more) {
		struct digest sha, name;
		size_t done = 0, n;

		while (done < ref.len) {
			uint64_t off = holes_map(&holes, at, &run);
			size_t want = MIN((size_t)run, (size_t)ref.len - done);

			if ((e = fs_pread_full(fd, window + done, want,
			                       (off_t)off, &n))
			        .code ||
			    n < want)
				return e;
			done += want;
			at += want;
		}
		sha256(window, (size_t)ref.len, &sha);
		chunk_name(&r->v->keys.domain.naming, &sha, &name);
		if (!digest_eq(&name, &ref.name))
			return OK;
	}
	*ret = !e.code;
	return e;
}

static void
compare_one(struct comparing *k, size_t i, uint8_t *window)
{
	struct rfile *f = &k->r->batch.files[i];
	struct stat st;
	bool same;
	int fd;
	err e;

	if (!f->exists || f->skip)
		return;
	fd = openat(f->dir->fd, f->name,
	            O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != f->meta.size) {
		(void)close(fd);
		return;
	}
	e = same_content(k->r, i, fd, window, &same);
	if (!e.code && same) {
		f->skip = true;
		if (k->fix_meta)
			e = restore_meta(fd, -1, NULL, &f->meta, k->r->owners);
	}
	(void)close(fd);
	if (e.code)
		rfile_fail(f, e);
}

static err
comparing(void *arg, unsigned worker)
{
	struct comparing *k = arg;
	AUTO(free_ptr) uint8_t *window = NULL;
	size_t i;
	err e;

	(void)worker;
	if ((e = mem_alloc(SEGMENT_PLAIN_MAX, 1, &window)).code)
		return e;
	while ((i = atomic_fetch_add(&k->next, 1)) < k->r->batch.nfiles)
		compare_one(k, i, window);
	return OK;
}

err
restore_compare(struct restore *r, bool fix_meta)
{
	struct comparing k = { .r = r, .fix_meta = fix_meta };
	struct pool *pool;
	bool any = false;
	err e;

	for (size_t i = 0; i < r->batch.nfiles; i++)
		any |= r->batch.files[i].exists;
	if (!any)
		return OK;
	if ((e = pool_new(r->threads, comparing, &k, &pool)).code)
		return e;
	return pool_join(pool);
}
