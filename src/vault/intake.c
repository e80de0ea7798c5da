/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading threads.  A file is one job until its plan of cuts says that it can
 * be read in parts; the parts are jobs then, and the thread that ends the last
 * one joins their lists.  Reading leaves the page cache as it was: pages that
 * were not there before are dropped again.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/pool.h"
#include "base/time.h"
#include "vault/chunker.h"
#include "vault/intake.h"

#define PART     (16 * MiB) /* A part of a large file, about. */
#define HOLE_MIN (64 * KiB) /* Files below are never searched for holes. */

/* Encoded holes and attributes of one file: its entry has room for both. */
#define HOLES_MAX  (448 * KiB)
#define XATTRS_MAX (512 * KiB)

#define TIMED (64 * KiB) /* Smaller reads are not timed: it would cost. */

/* A file that is read in parts. */
struct large {
	struct intake_file *file;
	int fd;
	bool cold;
	atomic_uint left; /* Parts that are not done. */
	struct part *parts;
	size_t nparts;
};

struct part {
	struct large *large;
	uint64_t off, len; /* Of the file. */
	bool stream;       /* Cut by content; otherwise `cuts` says. */
	bool lane;         /* Not chunks: the digest of the whole file. */
	struct cut *cuts;  /* Borrowed from the plan: CUT_WHOLE pieces. */
	size_t ncuts;
	struct chunk_ref *refs; /* Owned. */
	size_t nrefs, cap_refs;
	struct digest sha;
	err error;
};

struct job {
	struct intake_file *file; /* Either a whole file, */
	struct part *part;        /* or a part of one. */
};

struct intake {
	struct vault *v;
	struct packer *packer;
	struct chunker chunker;
	uint64_t limit;
	struct vault_progress *progress; /* Borrowed; or NULL. */
	atomic_int_fast64_t due;         /* When the next byte may be read. */
	struct intake_stats stats;
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct job *jobs; /* A stack of parts above a queue of files. */
	size_t head, tail, cap;
	struct job *urgent;
	size_t nurgent, cap_urgent;
	size_t busy;
	bool closed;
	struct pool *pool;
	struct taker *takers; /* Owned; one a thread. */
	unsigned ntakers;
};

/* One thread's tools. */
struct taker {
	struct intake *in;
	struct packer_worker *w;
	uint8_t *window; /* SEGMENT_PLAIN_MAX bytes and some. */
	bool cold;       /* The file at hand was not in the page cache. */
};

#define WINDOW     (SEGMENT_PLAIN_MAX + MiB)
#define FIRST_LOOK (3 * MiB)

/* --- shared directories --------------------------------------------------- */

err
dirref_new(int fd, struct dirref **ret)
{
	struct dirref *d;
	err e;

	if ((e = mem_alloc(1, sizeof(*d), &d)).code) {
		close_fd(&fd);
		return e;
	}
	d->fd = fd;
	atomic_init(&d->refs, 1);
	*ret = d;
	return OK;
}

struct dirref *
dirref_hold(struct dirref *d)
{
	atomic_fetch_add(&d->refs, 1);
	return d;
}

void
dirref_drop(struct dirref *d)
{
	if (d == NULL || atomic_fetch_sub(&d->refs, 1) > 1)
		return;
	close_fd(&d->fd);
	free(d);
}

void
intake_file_release(struct intake_file *f)
{
	dirref_drop(f->dir);
	f->dir = NULL;
	free(f->refs);
	f->refs = NULL;
	f->nrefs = f->cap_refs = 0;
	buf_release(&f->holes);
	buf_release(&f->xattrs);
	err_drop(f->error);
	f->error = OK;
}

/* --- reading -------------------------------------------------------------- */

static void
throttle(struct intake *in, size_t n)
{
	int64_t now, due;
	struct timespec ts;

	if (in->limit == 0)
		return;
	due = atomic_fetch_add(&in->due,
	                       (int64_t)((double)n / (double)in->limit * 1e9));
	if ((now = time_mono()) >= due) {
		/* Idle time is not saved up for a burst. */
		atomic_compare_exchange_strong(&in->due, &due, now);
		return;
	}
	ts.tv_sec = (due - now) / NS_PER_S;
	ts.tv_nsec = (due - now) % NS_PER_S;
	(void)nanosleep(&ts, NULL);
}

/* Read up to ${n} bytes; note whether they came from the disk. */
static err
read_at(struct taker *t, int fd, void *p, size_t n, uint64_t off, size_t *ret)
{
	struct iovec iov = { p, n };
	int64_t t0 = n >= TIMED ? time_cpu() : 0;
	ssize_t r = 0;
	size_t rest = 0;
	err e = OK;

	if (t->in->progress != NULL && atomic_load(&t->in->progress->cancel))
		return err_new(E_CANCELLED, "stopped");
	throttle(t->in, n);
	if (!t->cold) {
		r = preadv2(fd, &iov, 1, (off_t)off, RWF_NOWAIT);
		if (r < 0) {
			t->cold = errno == EAGAIN;
			r = 0;
		}
	}
	if ((size_t)r < n) {
		e = fs_pread_full(fd, (uint8_t *)p + r, n - (size_t)r,
		                  (off_t)off + r, &rest);
		/* A warm file ends where the first call ended. */
		if (rest > 0 && r > 0)
			t->cold = true;
	}
	*ret = (size_t)r + rest;
	atomic_fetch_add(&t->in->stats.bytes_read, *ret);
	if (t->in->progress != NULL)
		atomic_fetch_add(&t->in->progress->bytes, *ret);
	if (n >= TIMED)
		atomic_fetch_add(&t->in->stats.cpu_read, time_cpu() - t0);
	return e;
}

static err
add_ref(struct chunk_ref **refs, size_t *n, size_t *cap,
        const struct digest *name, size_t len)
{
	err e;

	if ((e = mem_grow(refs, *n + 1, cap, sizeof(**refs))).code)
		return e;
	(*refs)[(*n)++] = (struct chunk_ref){ *name, len };
	return OK;
}

/* Read the pieces of a part that the plan has cut already. */
static err
take_cuts(struct taker *t, struct part *p)
{
	struct digest name;
	size_t got;
	err e;

	for (size_t i = 0; i < p->ncuts; i++) {
		size_t n = (size_t)p->cuts[i].len;

		if ((e = read_at(t, p->large->fd, t->window, n, p->cuts[i].off,
		                 &got))
		        .code)
			return e;
		if (got != n)
			return err_new(E_BUSY, "it shrank while it was read");
		if ((e = packer_chunk(t->w, t->window, n, &name,
		                      p->ncuts == 1 ? &p->sha : NULL))
		        .code ||
		    (e = add_ref(&p->refs, &p->nrefs, &p->cap_refs, &name, n))
		        .code)
			return e;
	}
	return OK;
}

static size_t
cut(struct taker *t, const uint8_t *p, size_t n)
{
	int64_t t0 = time_cpu();
	size_t len = chunker_next(&t->in->chunker, p, n);

	atomic_fetch_add(&t->in->stats.cpu_cut, time_cpu() - t0);
	return len;
}

/* Read a stretch and cut it by content. */
static err
take_stream(struct taker *t, struct part *p)
{
	uint64_t off = p->off, end = p->off + p->len;
	size_t have = 0, want = FIRST_LOOK, got, len;
	struct digest name;
	err e;

	while (have > 0 || off < end) {
		/* Look at some first; at all that a chunk can be if need be. */
		if (have < want && off < end) {
			size_t n = MIN(want - have, (size_t)(end - off));

			if ((e = read_at(t, p->large->fd, t->window + have, n,
			                 off, &got))
			        .code)
				return e;
			if (got < n)
				end = off + got;
			have += got;
			off += got;
			if (have == 0)
				break;
		}
		len = cut(t, t->window, have);
		if (len == have && off < end && have < SEGMENT_PLAIN_MAX) {
			want = SEGMENT_PLAIN_MAX;
			continue;
		}
		want = FIRST_LOOK;
		if ((e = packer_chunk(t->w, t->window, len, &name, &p->sha))
		        .code ||
		    (e = add_ref(&p->refs, &p->nrefs, &p->cap_refs, &name, len))
		        .code)
			return e;
		have -= len;
		memmove(t->window, t->window + len, have);
	}
	return OK;
}

/* The parallel lane: the digest of a file whose parts others read. */
static err
take_digest(struct taker *t, struct part *p)
{
	struct sha256 *h = NULL;
	size_t got = 1;
	err e;

	if ((e = sha256_new(&h)).code)
		return e;
	for (uint64_t off = 0; got > 0 && !e.code; off += got) {
		e = read_at(t, p->large->fd, t->window, MiB, off, &got);
		if (!e.code)
			sha256_add(h, t->window, got);
	}
	sha256_final(h, &p->sha);
	sha256_free(h);
	return e;
}

/* --- files ---------------------------------------------------------------- */

static err
open_file(struct intake_file *f, int *ret)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	struct stat st;
	int fd;

	f->read_ns = time_now();
	fd = openat(f->dir->fd, f->name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(f->dir->fd, f->name, flags);
	if (fd < 0) {
		if (errno == ENOENT)
			return err_new(E_NOTFOUND,
			               "vanished before it could be read");
		return err_sys("cannot be opened");
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close_fd(&fd);
		return err_new(E_BUSY, "it was replaced while it was read");
	}
	f->st = st;
	*ret = fd;
	return OK;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Everything was read: did it hold still? */
static void
close_file(struct intake_file *f, int fd, bool cold)
{
	struct stat st;
	uint64_t total = 0;

	for (size_t i = 0; i < f->nrefs; i++)
		total += f->refs[i].len;
	f->bytes = total;
	f->unsteady = fstat(fd, &st) != 0 || st.st_size != f->st.st_size ||
	    !same_time(&st.st_mtim, &f->st.st_mtim) ||
	    !same_time(&st.st_ctim, &f->st.st_ctim);
	/* The size is what was read, whatever stat said. */
	if (f->holes.len == 0 && (uint64_t)f->st.st_size != total) {
		f->st.st_size = (off_t)total;
		f->unsteady = true;
	}
	if (cold)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	(void)close(fd);
}

static void
file_done(struct intake *in, struct intake_file *f)
{
	pthread_mutex_lock(&in->lock);
	atomic_store(&f->done, true);
	if (--in->busy == 0 && in->closed)
		pthread_cond_broadcast(&in->work);
	pthread_cond_broadcast(&in->done);
	pthread_mutex_unlock(&in->lock);
}

static void
large_free(struct large *l)
{
	for (size_t i = 0; i < l->nparts; i++) {
		free(l->parts[i].refs);
		free(l->parts[i].cuts);
		err_drop(l->parts[i].error);
	}
	free(l->parts);
	free(l);
}

/* Behind a hole bytes have their place: no part may come short there. */
static err
part_check(const struct intake_file *f, const struct part *p)
{
	uint64_t total = 0;

	for (size_t i = 0; i < p->nrefs; i++)
		total += p->refs[i].len;
	if (f->holes.len > 0 && total != p->len)
		return err_new(E_BUSY, "it shrank while it was read");
	return OK;
}

/* The last part is done: join the lists. */
static void
large_done(struct intake *in, struct large *l)
{
	struct intake_file *f = l->file;
	err e = OK;

	for (size_t i = 0; i < l->nparts; i++) {
		struct part *p = &l->parts[i];

		err_keep(&e, p->error);
		p->error = OK;
		if (p->lane) {
			f->sha = p->sha;
			f->has_sha = true;
			continue;
		}
		if (!e.code)
			e = part_check(f, p);
		if (e.code)
			continue;
		err_keep(&e,
		         mem_grow(&f->refs, f->nrefs + p->nrefs, &f->cap_refs,
		                  sizeof(*f->refs)));
		if (!e.code && p->nrefs > 0) {
			memcpy(f->refs + f->nrefs, p->refs,
			       p->nrefs * sizeof(*p->refs));
			f->nrefs += p->nrefs;
		}
	}
	/* The digest of a file's only chunk is the one that its name is of. */
	if (!e.code && f->nrefs == 1) {
		f->sha = l->parts[0].sha;
		f->has_sha = l->parts[0].nrefs == 1;
	}
	close_file(f, l->fd, l->cold);
	/* A digest holds only for bytes that held still, without holes. */
	if (e.code || (f->unsteady && f->nrefs != 1) || f->holes.len > 0)
		f->has_sha = false;
	f->error = e;
	large_free(l);
	file_done(in, f);
}

static void
take_part(struct taker *t, struct part *p)
{
	struct large *l = p->large;

	t->cold = l->cold;
	if (p->lane)
		p->error = take_digest(t, p);
	else if (p->stream)
		p->error = take_stream(t, p);
	else
		p->error = take_cuts(t, p);
	if (t->cold)
		l->cold = true;
	if (atomic_fetch_sub(&l->left, 1) == 1)
		large_done(t->in, l);
}

static err
part_add(struct large *l, size_t *cap, uint64_t off, uint64_t len, bool stream,
         struct part **ret)
{
	err e;

	if ((e = mem_grow(&l->parts, l->nparts + 1, cap, sizeof(*l->parts)))
	        .code)
		return e;
	*ret = &l->parts[l->nparts++];
	**ret = (struct part){
		.large = l,
		.off = off,
		.len = len,
		.stream = stream,
	};
	return OK;
}

/* Make parts of a plan: stretches for the chunker, runs of known pieces. */
static err
parts_of_plan(struct large *l, const struct cuts *plan, size_t *cap)
{
	struct cuts_iter it = { .plan = plan };
	struct part *p = NULL;
	size_t room = 0;
	struct cut c;
	err e;

	while (cuts_next(&it, &c)) {
		if (c.how == CUT_STREAM) {
			if ((e = part_add(l, cap, c.off, c.len, true, &p)).code)
				return e;
			p = NULL;
			continue;
		}
		if (p == NULL || p->len >= PART) {
			if ((e = part_add(l, cap, c.off, 0, false, &p)).code)
				return e;
			room = 0;
		}
		if ((e = mem_grow(&p->cuts, p->ncuts + 1, &room,
		                  sizeof(*p->cuts)))
		        .code)
			return e;
		p->cuts[p->ncuts++] = c;
		p->len += c.len;
	}
	return OK;
}

/* Find holes: data stretches become parts, the rest is noted. */
static err
parts_of_sparse(struct large *l, size_t *cap)
{
	struct intake_file *f = l->file;
	off_t size = f->st.st_size, data, hole, at = 0, last = 0;
	struct part *p;
	err e;

	while (at < size) {
		data = lseek(l->fd, at, SEEK_DATA);
		if (data < 0)
			data = size;
		hole = data < size ? lseek(l->fd, data, SEEK_HOLE) : size;
		if (hole < 0 || hole > size)
			hole = size;
		if (data > at) {
			buf_varint(&f->holes, (uint64_t)(at - last));
			buf_varint(&f->holes, (uint64_t)(data - at));
			last = data;
		}
		if (hole > data &&
		    (e = part_add(l, cap, (uint64_t)data,
		                  (uint64_t)(hole - data), true, &p))
		        .code)
			return e;
		at = hole;
	}
	return buf_done(&f->holes);
}

/* What kind of file is it?  Ask the finder only where it may help. */
static err
plan_of(struct taker *t, int fd, uint64_t size, struct cuts *ret)
{
	uint8_t head[64], tail[8];
	size_t n, m;
	err e;

	if (t->in->v->cutter == NULL || size <= CHUNK_MIN)
		return OK;
	if ((e = read_at(t, fd, head, sizeof(head), 0, &n)).code ||
	    (e = read_at(t, fd, tail, sizeof(tail), size - 8, &m)).code)
		return e;
	if (n < sizeof(head) || m < sizeof(tail) ||
	    !cuts_sniff(head, n, tail, size))
		return OK;
	e = cutter_find(t->in->v->cutter, fd, size, ret);
	if (e.code || !cuts_valid(ret, size))
		cuts_release(ret);
	err_drop(e);
	return OK;
}

static void
urgent_add(struct intake *in, struct part *parts, size_t n)
{
	err e;

	pthread_mutex_lock(&in->lock);
	e = mem_grow(&in->urgent, in->nurgent + n, &in->cap_urgent,
	             sizeof(*in->urgent));
	for (size_t i = n; !e.code && i-- > 0;)
		in->urgent[in->nurgent++] = (struct job){ .part = &parts[i] };
	pthread_cond_broadcast(&in->work);
	pthread_mutex_unlock(&in->lock);
	if (e.code) {
		/* No memory to share the work: the file fails, whole. */
		for (size_t i = 0; i < n; i++)
			if (i == 0)
				parts[i].error = e;
		if (atomic_fetch_sub(&parts->large->left, (unsigned)n) == n)
			large_done(in, parts->large);
	}
}

static void
take_large(struct taker *t, struct intake_file *f, int fd)
{
	AUTO(cuts_release) struct cuts plan = { 0 };
	uint64_t size = (uint64_t)f->st.st_size;
	struct large *l = NULL;
	struct part *p;
	size_t cap = 0;
	err e;

	if ((e = mem_alloc(1, sizeof(*l), &l)).code) {
		f->error = e;
		(void)close(fd);
		file_done(t->in, f);
		return;
	}
	l->file = f;
	l->fd = fd;
	if (size >= HOLE_MIN && (uint64_t)f->st.st_blocks * 512 < size)
		e = parts_of_sparse(l, &cap);
	if (e.code == E_LIMIT) {
		/* Too many holes to tell them all: read them as zeroes. */
		err_drop(e);
		e = OK;
		buf_clear(&f->holes);
	}
	if (!e.code && f->holes.len == 0) {
		l->nparts = 0;
		e = plan_of(t, fd, size, &plan);
		if (!e.code && plan.n > 0)
			e = parts_of_plan(l, &plan, &cap);
		else if (!e.code)
			e = part_add(l, &cap, 0, size, true, &p);
	}
	if (!e.code && f->digest && l->nparts > 0) {
		if (!(e = part_add(l, &cap, 0, 0, false, &p)).code)
			p->lane = true;
	}
	l->cold = t->cold;
	if (e.code || l->nparts == 0) {
		f->error = e;
		close_file(f, fd, t->cold);
		large_free(l);
		file_done(t->in, f);
		return;
	}
	atomic_init(&l->left, (unsigned)l->nparts);
	if (l->nparts > 1)
		urgent_add(t->in, l->parts + 1, l->nparts - 1);
	take_part(t, l->parts);
}

/* A file of one chunk: the common case, kept short. */
static err
take_small(struct taker *t, struct intake_file *f, int fd)
{
	struct digest name;
	size_t n;
	err e;

	if ((e = read_at(t, fd, t->window, (size_t)f->st.st_size, 0, &n)).code)
		return e;
	if (n == 0)
		return OK;
	if ((e = packer_chunk(t->w, t->window, n, &name, &f->sha)).code)
		return e;
	f->has_sha = true;
	return add_ref(&f->refs, &f->nrefs, &f->cap_refs, &name, n);
}

static void
take_file(struct taker *t, struct intake_file *f)
{
	int fd = -1;
	err e;

	t->cold = false;
	f->holes = BUF_MAX(HOLES_MAX);
	f->xattrs = BUF_MAX(XATTRS_MAX);
	if ((e = open_file(f, &fd)).code) {
		f->error = e;
		file_done(t->in, f);
		return;
	}
	e = xattrs_read(fd, &f->xattrs);
	if (!e.code && f->st.st_size > (off_t)CHUNK_MIN) {
		take_large(t, f, fd);
		return;
	}
	if (!e.code)
		e = take_small(t, f, fd);
	f->error = e;
	close_file(f, fd, t->cold);
	file_done(t->in, f);
}

/* --- threads -------------------------------------------------------------- */

static bool
next_job(struct intake *in, struct job *ret)
{
	pthread_mutex_lock(&in->lock);
	while (in->nurgent == 0 && in->head == in->tail &&
	       (!in->closed || in->busy > 0))
		pthread_cond_wait(&in->work, &in->lock);
	if (in->nurgent > 0) {
		*ret = in->urgent[--in->nurgent];
	} else if (in->head != in->tail) {
		*ret = in->jobs[in->head];
		in->head = (in->head + 1) % in->cap;
	} else {
		pthread_mutex_unlock(&in->lock);
		return false;
	}
	pthread_mutex_unlock(&in->lock);
	return true;
}

static err
taking(void *arg, unsigned worker)
{
	struct intake *in = arg;
	struct taker *t = &in->takers[worker];
	struct job j;

	while (next_job(in, &j)) {
		if (j.part != NULL)
			take_part(t, j.part);
		else
			take_file(t, j.file);
	}
	return packer_worker_flush(t->w);
}

/* What a thread needs is made before it starts, so that it cannot fail. */
static err
takers_new(struct intake *in, unsigned threads)
{
	err e;

	if ((e = mem_alloc(threads, sizeof(*in->takers), &in->takers)).code)
		return e;
	for (; in->ntakers < threads; in->ntakers++) {
		struct taker *t = &in->takers[in->ntakers];

		t->in = in;
		if ((e = mem_alloc(WINDOW, 1, &t->window)).code)
			return e;
		if ((e = packer_worker_new(in->packer, CHUNK_DATA, &t->w))
		        .code) {
			free(t->window);
			return e;
		}
	}
	return OK;
}

err
intake_new(struct vault *v, struct packer *packer, unsigned threads,
           uint64_t limit_read, struct vault_progress *progress,
           struct intake **ret)
{
	AUTO(intake_freep) struct intake *in = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*in), &in)).code)
		return e;
	in->v = v;
	in->packer = packer;
	in->limit = limit_read;
	in->progress = progress;
	atomic_init(&in->due, time_mono());
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->work, NULL);
	pthread_cond_init(&in->done, NULL);
	chunker_init(&in->chunker, &v->keys.domain.chunker);
	in->cap = 1 << 16;
	if ((e = mem_alloc(in->cap, sizeof(*in->jobs), &in->jobs)).code ||
	    (e = takers_new(in, threads)).code ||
	    (e = pool_new(threads, taking, in, &in->pool)).code)
		return e;
	*ret = take(in);
	return OK;
}

void
intake_add(struct intake *in, struct intake_file *f)
{
	pthread_mutex_lock(&in->lock);
	in->jobs[in->tail] = (struct job){ .file = f };
	in->tail = (in->tail + 1) % in->cap;
	in->busy++;
	pthread_cond_signal(&in->work);
	pthread_mutex_unlock(&in->lock);
}

void
intake_wait(struct intake *in, struct intake_file *f)
{
	if (atomic_load(&f->done))
		return;
	pthread_mutex_lock(&in->lock);
	while (!atomic_load(&f->done))
		pthread_cond_wait(&in->done, &in->lock);
	pthread_mutex_unlock(&in->lock);
}

err
intake_finish(struct intake *in)
{
	struct pool *p = take(in->pool);

	pthread_mutex_lock(&in->lock);
	in->closed = true;
	pthread_cond_broadcast(&in->work);
	pthread_cond_broadcast(&in->done);
	pthread_mutex_unlock(&in->lock);
	return pool_join(p);
}

void
intake_free(struct intake *in)
{
	if (in == NULL)
		return;
	err_drop(intake_finish(in));
	for (unsigned i = 0; i < in->ntakers; i++) {
		packer_worker_free(in->takers[i].w);
		free(in->takers[i].window);
	}
	free(in->takers);
	pthread_mutex_destroy(&in->lock);
	pthread_cond_destroy(&in->work);
	pthread_cond_destroy(&in->done);
	free(in->jobs);
	free(in->urgent);
	free(in);
}

void
intake_freep(struct intake **in)
{
	intake_free(*in);
}

struct intake_stats *
intake_stats(struct intake *in)
{
	return &in->stats;
}
