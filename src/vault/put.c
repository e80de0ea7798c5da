/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Backup.  One thread walks and, behind the readers, writes the tree in order; a
 * ring of items lies between.  What is the same as last time is taken from the
 * local cache, but only if the vault still has every chunk of it.
 */

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/time.h"
#include "vault/chunklist.h"
#include "vault/commit.h"
#include "vault/intake.h"
#include "vault/merge.h"
#include "vault/walk.h"

#define RING 2048
#define ATTEMPTS 4

/* Every backup may add an index object; more than these are merged. */
#define INDEX_FILES_MAX 16

enum item_kind { ITEM_FILE, ITEM_SAME, ITEM_OTHER, ITEM_ENTER, ITEM_LEAVE };

struct item {
	enum item_kind kind;
	char name[TREE_NAME_MAX + 1];
	struct stat st;
	enum walk_news news;
	struct intake_file file;  /* ITEM_FILE */
	struct buf bytes;         /* ITEM_SAME: entry and extra names;
	                             ITEM_OTHER: target; ITEM_ENTER: xattrs. */
	size_t enc_len;           /* ITEM_SAME */
	struct file_stamp stamp;  /* ITEM_SAME */
};

/* An account's name, kept for the run. */
struct account {
	uint32_t id;
	char name[64]; /* "" if it has none. */
};

struct accounts {
	struct account *v;
	size_t n, cap;
};

/* A directory whose tree is being written. */
struct level {
	char name[TREE_NAME_MAX + 1];
	struct stat st;
	struct buf xattrs;
	struct tree_builder tree;
};

struct putting {
	struct vault *v;
	const struct vault_source *src;
	const struct vault_put_opts *opts;
	struct vault_put_report *report;
	struct session session;
	struct commit commit;
	struct packer *packer;
	struct packer_worker *trees;
	struct intake *intake;
	struct tree_sink sink;
	struct walk walk;
	struct digest pseudonym;
	struct cache_reader *cache_in;
	struct cache_writer *cache_out;
	struct item *ring;
	size_t head, tail, ring_max;
	struct level *levels;
	size_t nlevels, cap_levels;
	struct accounts users, groups;
	struct buf enc;
	struct digest root;
	struct buf root_entry;
	bool interrupted; /* A pending marker of an earlier run was found. */
};

void
vault_put_report_release(struct vault_put_report *r)
{
	vault_problems_release(&r->problems);
	for (size_t i = 0; i < r->nstores; i++)
		free(r->stores[i].why);
	free(r->stores);
	*r = (struct vault_put_report){ 0 };
}

/* --- entries ------------------------------------------------------------------- */

static const char *
account_name(struct accounts *a, uint32_t id, bool group)
{
	struct account *row;
	struct passwd *pw;
	struct group *gr;
	const char *name = NULL;
	err e;

	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].id == id)
			return a->v[i].name;
	e = mem_grow(&a->v, a->n + 1, &a->cap, sizeof(*a->v));
	err_drop(e);
	if (e.code)
		return "";
	row = &a->v[a->n++];
	*row = (struct account){ .id = id };
	if (group && (gr = getgrgid(id)) != NULL)
		name = gr->gr_name;
	else if (!group && (pw = getpwuid(id)) != NULL)
		name = pw->pw_name;
	if (name != NULL && strlen(name) < sizeof(row->name))
		memcpy(row->name, name, strlen(name) + 1);
	return row->name;
}

static enum entry_type
type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return ENTRY_FILE;
	case S_IFDIR:
		return ENTRY_DIR;
	case S_IFLNK:
		return ENTRY_SYMLINK;
	case S_IFIFO:
		return ENTRY_FIFO;
	case S_IFCHR:
		return ENTRY_CHAR;
	case S_IFBLK:
		return ENTRY_BLOCK;
	default:
		return ENTRY_SOCKET;
	}
}

/* What every entry has. */
static struct tree_entry
entry_of(struct putting *p, const char *name, const struct stat *st,
    const struct buf *xattrs)
{
	struct tree_entry e = {
		.name = name,
		.name_len = strlen(name),
		.type = type_of(st->st_mode),
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime_ns = (int64_t)st->st_mtim.tv_sec * NS_PER_S +
		    st->st_mtim.tv_nsec,
		.xattrs = xattrs != NULL ? xattrs->p : NULL,
		.xattrs_len = xattrs != NULL ? xattrs->len : 0,
	};
	const char *user = account_name(&p->users, st->st_uid, false);
	const char *group = account_name(&p->groups, st->st_gid, true);

	if (user[0] != '\0') {
		e.user = user;
		e.user_len = strlen(user);
	}
	if (group[0] != '\0') {
		e.group = group;
		e.group_len = strlen(group);
	}
	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1) {
		e.flags |= ENTRY_LINKED;
		e.link_dev = st->st_dev;
		e.link_ino = st->st_ino;
	}
	return e;
}

static err
tree_put(void *arg, const void *p, size_t n, struct digest *ret_name)
{
	struct putting *k = arg;

	return packer_chunk(k->trees, p, n, ret_name, NULL);
}

/* The path of item ${name} in the directory at hand, for messages. */
static void
add_problem(struct putting *p, const char *name, err why)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);

	for (size_t i = 1; i < p->nlevels; i++)
		buf_fmt(&b, "%s/", p->levels[i].name);
	buf_str(&b, name);
	vault_add_problem(&p->report->problems, buf_cstr(&b), b.len, why);
}

/* --- the tree ------------------------------------------------------------------ */

static err
cache_out(struct putting *p, const struct cache_record *rec)
{
	return p->cache_out != NULL ? cache_add(p->cache_out, rec) : OK;
}

static err
tree_add(struct putting *p, const char *name, const void *enc, size_t n)
{
	return tree_dir_add(&p->levels[p->nlevels - 1].tree, name, strlen(name),
	    enc, n);
}

static err
done_enter(struct putting *p, struct item *it)
{
	struct cache_record rec = {
		.kind = CACHE_DIR,
		.name = it->name,
		.name_len = strlen(it->name),
	};
	struct level *l;
	err e;

	if ((e = mem_grow(&p->levels, p->nlevels + 1, &p->cap_levels,
	         sizeof(*p->levels))).code)
		return e;
	l = &p->levels[p->nlevels++];
	*l = (struct level){ .st = it->st, .xattrs = take_struct(it->bytes) };
	memcpy(l->name, it->name, sizeof(l->name));
	tree_dir_init(&l->tree, &p->sink);
	p->report->dirs++;
	return p->nlevels > 1 ? cache_out(p, &rec) : OK;
}

static void
level_release(struct level *l)
{
	tree_builder_release(&l->tree);
	buf_release(&l->xattrs);
}

static err
done_leave(struct putting *p)
{
	struct cache_record rec = { .kind = CACHE_UP };
	struct level *l = &p->levels[p->nlevels - 1];
	struct tree_entry entry;
	struct digest root;
	bool top = p->nlevels == 1;
	err e;

	if ((e = tree_finish(&l->tree, &root)).code)
		return e;
	entry = entry_of(p, top ? "root" : l->name, &l->st, &l->xattrs);
	entry.dir = root;
	buf_clear(&p->enc);
	entry_encode(&entry, &p->enc);
	if ((e = buf_done(&p->enc)).code)
		return e;
	p->nlevels--;
	if (top) {
		p->root = root;
		buf_clear(&p->root_entry);
		buf_add(&p->root_entry, p->enc.p, p->enc.len);
		e = buf_done(&p->root_entry);
	} else if (!(e = tree_add(p, l->name, p->enc.p, p->enc.len)).code) {
		e = cache_out(p, &rec);
	}
	level_release(&p->levels[p->nlevels]);
	return e;
}

/* Many chunks stand in a list of their own. */
static err
list_build(struct putting *p, const struct intake_file *f, struct digest *ret)
{
	AUTO(tree_builder_release) struct tree_builder t = { 0 };
	err e;

	tree_list_init(&t, &p->sink);
	for (size_t i = 0; i < f->nrefs; i++)
		if ((e = tree_list_add(&t, &f->refs[i])).code)
			return e;
	return tree_finish(&t, ret);
}

static err
content_encode(struct putting *p, const struct intake_file *f,
    struct tree_entry *entry, struct buf *chunks)
{
	entry->size = (uint64_t)f->st.st_size;
	entry->holes = f->holes.p;
	entry->holes_len = f->holes.len;
	if (f->has_sha) {
		entry->flags |= ENTRY_HAS_SHA;
		entry->sha256 = f->sha;
	}
	/* One chunk follows from the digest of the file. */
	if (f->nrefs == 1 && f->has_sha)
		return OK;
	if (f->nrefs > TREE_INLINE_CHUNKS) {
		entry->flags |= ENTRY_LISTED;
		return list_build(p, f, &entry->list);
	}
	for (size_t i = 0; i < f->nrefs; i++) {
		buf_add(chunks, f->refs[i].name.b, DIGEST_LEN);
		buf_varint(chunks, f->refs[i].len);
	}
	entry->chunks = chunks->p;
	entry->chunks_len = chunks->len;
	return buf_done(chunks);
}

static void
stamp_of(const struct intake_file *f, struct file_stamp *s)
{
	s->size = (uint64_t)f->st.st_size;
	s->mtime_ns = (int64_t)f->st.st_mtim.tv_sec * NS_PER_S +
	    f->st.st_mtim.tv_nsec;
	s->ctime_ns = (int64_t)f->st.st_ctim.tv_sec * NS_PER_S +
	    f->st.st_ctim.tv_nsec;
	s->ino = f->st.st_ino;
	/* A file that moved, or was not read, is read again. */
	s->read_ns = f->unsteady || f->error.code ? INT64_MIN / 2 : f->read_ns;
}

static void
count_file(struct putting *p, uint64_t size, enum walk_news news)
{
	struct vault_put_report *r = p->report;

	r->files++;
	r->bytes += size;
	r->files_new += news == WALK_NEW;
	r->files_changed += news == WALK_CHANGED;
	r->files_same += news == WALK_SAME;
	if (p->opts->progress != NULL) {
		atomic_fetch_add(&p->opts->progress->items, 1);
		atomic_fetch_add(&p->opts->progress->bytes, size);
	}
}

static err
done_file(struct putting *p, struct item *it)
{
	AUTO(buf_release) struct buf chunks = BUF_MAX(4 * KiB);
	AUTO(buf_release) struct buf extra = BUF_MAX(GiB);
	struct intake_file *f = &it->file;
	struct cache_record rec = { .kind = CACHE_ENTRY };
	struct tree_entry entry;
	err e = OK;

	intake_wait(p->intake, f);
	if (packer_failed(p->packer))
		return err_new(E_CANCELLED, "writing stopped");
	if (f->error.code == E_NOMEM)
		return take_struct(f->error);
	stamp_of(f, &rec.stamp);
	entry = entry_of(p, it->name, &f->st, &f->xattrs);
	if (f->error.code) {
		bool vanished = f->error.code == E_NOTFOUND;

		add_problem(p, it->name, take_struct(f->error));
		if (vanished)
			return OK;
		entry.flags |= ENTRY_UNREADABLE;
	} else {
		e = content_encode(p, f, &entry, &chunks);
	}
	if (f->unsteady) {
		entry.flags |= ENTRY_UNSTEADY;
		p->report->unsteady++;
	}
	if (e.code)
		return e;
	buf_clear(&p->enc);
	entry_encode(&entry, &p->enc);
	for (size_t i = 0; entry.flags & ENTRY_LISTED && i < f->nrefs; i++)
		buf_add(&extra, f->refs[i].name.b, DIGEST_LEN);
	if ((e = buf_done(&p->enc)).code || (e = buf_done(&extra)).code)
		return e;
	rec.enc = p->enc.p;
	rec.enc_len = p->enc.len;
	rec.extra = extra.p;
	rec.nextra = extra.len / DIGEST_LEN;
	count_file(p, entry.size, it->news);
	if ((e = tree_add(p, it->name, p->enc.p, p->enc.len)).code)
		return e;
	return cache_out(p, &rec);
}

static err
done_same(struct putting *p, struct item *it)
{
	struct cache_record rec = {
		.kind = CACHE_ENTRY,
		.stamp = it->stamp,
		.enc = it->bytes.p,
		.enc_len = it->enc_len,
		.extra = it->bytes.p + it->enc_len,
		.nextra = (it->bytes.len - it->enc_len) / DIGEST_LEN,
	};
	err e;

	count_file(p, it->stamp.size, WALK_SAME);
	if ((e = tree_add(p, it->name, rec.enc, rec.enc_len)).code)
		return e;
	return cache_out(p, &rec);
}

static err
done_other(struct putting *p, struct item *it)
{
	struct tree_entry entry = entry_of(p, it->name, &it->st, NULL);
	err e;

	entry.target = (const char *)it->bytes.p;
	entry.target_len = it->bytes.len;
	entry.rdev_major = major(it->st.st_rdev);
	entry.rdev_minor = minor(it->st.st_rdev);
	buf_clear(&p->enc);
	entry_encode(&entry, &p->enc);
	if ((e = buf_done(&p->enc)).code)
		return e;
	p->report->others++;
	return tree_add(p, it->name, p->enc.p, p->enc.len);
}

static void
item_release(struct item *it)
{
	if (it->kind == ITEM_FILE)
		intake_file_release(&it->file);
	buf_release(&it->bytes);
}

/* Take the oldest item out of the ring and write it into the tree. */
static err
consume(struct putting *p)
{
	struct item *it = &p->ring[p->tail % RING];
	err e = OK;

	switch (it->kind) {
	case ITEM_FILE:
		e = done_file(p, it);
		break;
	case ITEM_SAME:
		e = done_same(p, it);
		break;
	case ITEM_OTHER:
		e = done_other(p, it);
		break;
	case ITEM_ENTER:
		e = done_enter(p, it);
		break;
	case ITEM_LEAVE:
		e = done_leave(p);
		break;
	}
	item_release(it);
	p->tail++;
	return e;
}

/* --- what the walk tells --------------------------------------------------------- */

static err
item_new(struct putting *p, enum item_kind kind, const char *name,
    struct item **ret)
{
	struct item *it;
	err e;

	while (p->head - p->tail >= p->ring_max)
		if ((e = consume(p)).code)
			return e;
	it = &p->ring[p->head % RING];
	*it = (struct item){ .kind = kind };
	it->bytes = BUF_MAX(64 * MiB);
	if (name != NULL)
		memcpy(it->name, name, strlen(name) + 1);
	*ret = it;
	return OK;
}

static err
on_enter(void *arg, const char *name, const struct stat *st, struct dirref *dir)
{
	struct putting *p = arg;
	struct item *it;
	err e;

	if ((e = item_new(p, ITEM_ENTER, name, &it)).code)
		return e;
	it->st = *st;
	it->bytes = BUF_MAX(512 * KiB);
	if ((e = xattrs_read(dir->fd, &it->bytes)).code)
		return e;
	p->head++;
	return OK;
}

static err
on_leave(void *arg)
{
	struct putting *p = arg;
	struct item *it;
	err e;

	if ((e = item_new(p, ITEM_LEAVE, NULL, &it)).code)
		return e;
	p->head++;
	return OK;
}

static err
chunk_known(struct putting *p, const struct digest *name, bool *ret)
{
	return packer_known(p->packer, name, ret);
}

/* Does the vault still have all that a record refers to? */
static err
record_known(struct putting *p, const struct cache_record *rec, bool *ret)
{
	struct cur c = CUR(rec->enc, rec->enc_len);
	struct tree_entry e;
	struct chunk_ref ref;
	struct digest name;
	err er;

	*ret = true;
	if ((er = entry_decode(&c, &e)).code)
		return er;
	if (e.flags & ENTRY_UNREADABLE) {
		*ret = false;
		return OK;
	}
	if (e.flags & ENTRY_LISTED && (er = chunk_known(p, &e.list, ret)).code)
		return er;
	for (size_t i = 0; *ret && i < rec->nextra; i++) {
		memcpy(name.b, rec->extra + i * DIGEST_LEN, DIGEST_LEN);
		if ((er = chunk_known(p, &name, ret)).code)
			return er;
	}
	c = CUR(e.chunks, e.chunks_len);
	while (*ret && entry_chunk(&c, &ref))
		if ((er = chunk_known(p, &ref.name, ret)).code)
			return er;
	if (*ret && e.chunks_len == 0 && e.size > 0 &&
	    (e.flags & (ENTRY_HAS_SHA | ENTRY_LISTED)) == ENTRY_HAS_SHA) {
		chunk_name(&p->v->keys.domain.naming, &e.sha256, &name);
		return chunk_known(p, &name, ret);
	}
	return OK;
}

static err
add_same(struct putting *p, const char *name, const struct cache_record *rec)
{
	struct item *it;
	err e;

	if ((e = item_new(p, ITEM_SAME, name, &it)).code)
		return e;
	it->stamp = rec->stamp;
	it->enc_len = rec->enc_len;
	buf_add(&it->bytes, rec->enc, rec->enc_len);
	buf_add(&it->bytes, rec->extra, rec->nextra * DIGEST_LEN);
	if ((e = buf_done(&it->bytes)).code)
		return e;
	p->head++;
	return OK;
}

static err
add_file(struct putting *p, struct dirref *dir, const char *name,
    const struct stat *st, enum walk_news news)
{
	struct item *it;
	err e;

	if ((e = item_new(p, ITEM_FILE, name, &it)).code)
		return e;
	it->news = news;
	it->file.dir = dirref_hold(dir);
	it->file.name = it->name;
	it->file.st = *st;
	it->file.digest = p->opts->digests ||
	    strcmp(p->src->kind, "model") == 0;
	p->head++;
	intake_add(p->intake, &it->file);
	return OK;
}

static err
add_other(struct putting *p, struct dirref *dir, const char *name,
    const struct stat *st)
{
	char target[4096];
	struct item *it;
	ssize_t n;
	err e;

	if ((e = item_new(p, ITEM_OTHER, name, &it)).code)
		return e;
	it->st = *st;
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dir->fd, name, target, sizeof(target));
		if (n <= 0 || n == (ssize_t)sizeof(target)) {
			add_problem(p, name, err_sys("cannot be read"));
			return OK;
		}
		buf_add(&it->bytes, target, (size_t)n);
		if ((e = buf_done(&it->bytes)).code)
			return e;
	}
	p->head++;
	return OK;
}

static err
on_entry(void *arg, struct dirref *dir, const char *name, const struct stat *st,
    enum walk_news news, const struct cache_record *rec)
{
	struct putting *p = arg;
	bool known;
	err e;

	if (!S_ISREG(st->st_mode))
		return add_other(p, dir, name, st);
	if (news == WALK_SAME) {
		if ((e = record_known(p, rec, &known)).code)
			return e;
		if (known)
			return add_same(p, name, rec);
		news = WALK_CHANGED;
	}
	return add_file(p, dir, name, st, news);
}

static void
on_gone(void *arg, const char *path)
{
	struct putting *p = arg;

	(void)path;
	p->report->files_gone++;
}

static void
on_problem(void *arg, const char *path, err why)
{
	struct putting *p = arg;

	vault_add_problem(&p->report->problems, path, strlen(path), why);
}

static const struct walk_ops ops = {
	.enter = on_enter,
	.entry = on_entry,
	.leave = on_leave,
	.gone = on_gone,
	.problem = on_problem,
};

/* --- one attempt ----------------------------------------------------------------- */

static err
before_first(void *arg)
{
	return commit_begin(&((struct putting *)arg)->commit);
}

static unsigned
threads_of(const struct vault_put_opts *o)
{
	long n = o->threads > 0 ? (long)o->threads :
	    sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

static void
phase(const struct vault_put_opts *o, const char *what)
{
	if (o->progress != NULL)
		atomic_store(&o->progress->phase, what);
}

static err
attempt_start(struct putting *p)
{
	struct packer_opts po = {
		.session = &p->session,
		.outcome = p->report->stores,
		.limit_upload = p->opts->limit_upload,
		.before_first = p->commit.pendings == 0 ? before_first : NULL,
		.arg = p,
	};
	struct vault_put_report *r = p->report;
	err e;

	/* Counts are of the attempt that counts. */
	r->files = r->dirs = r->others = r->bytes = 0;
	r->files_new = r->files_changed = r->files_same = r->files_gone = 0;
	r->unsteady = 0;
	vault_problems_release(&r->problems);
	packtab_unflag(&p->v->packs, PACK_USED);

	p->head = p->tail = 0;
	if ((e = packer_new(p->v, &po, &p->packer)).code ||
	    (e = packer_worker_new(p->packer, CHUNK_TREE, &p->trees)).code ||
	    (e = intake_new(p->v, p->packer, threads_of(p->opts),
	         p->opts->limit_read, &p->intake)).code)
		return e;

	/* A cache that is absent or damaged costs only time. */
	e = cache_open(p->v->cache_fd, &p->v->keys.domain, &p->pseudonym,
	    &p->cache_in);
	if (e.code == E_NOMEM)
		return e;
	err_drop(e);
	err_drop(cache_create(p->v->cache_fd, &p->v->keys.domain, &p->pseudonym,
	    &p->cache_out));
	p->walk = (struct walk){
		.ops = &ops,
		.arg = p,
		.source = p->src,
		.opts = p->opts,
		.cache = p->cache_in,
		.state_fd = p->v->state_fd,
	};
	return OK;
}

static void
count_stages(struct putting *p)
{
	struct packer_stats *s = packer_stats(p->packer);
	struct vault_put_report *r = p->report;

	r->bytes_new += s->bytes_new;
	r->bytes_stored += s->bytes_stored;
	r->objects_new += s->packs;
	r->cpu_hash_ns += s->cpu_hash;
	r->cpu_code_ns += s->cpu_code;
	r->cpu_seal_ns += s->cpu_seal;
	r->cpu_put_ns += s->cpu_put;
	r->bytes_read += intake_stats(p->intake)->bytes_read;
	r->cpu_read_ns += intake_stats(p->intake)->cpu_read;
	r->cpu_cut_ns += intake_stats(p->intake)->cpu_cut;
	r->excluded = p->walk.excluded;
}

/* Free what one attempt made. */
static void
attempt_end(struct putting *p)
{
	/* Readers may still work on items: end them first. */
	intake_free(p->intake);
	p->intake = NULL;
	while (p->tail < p->head) {
		item_release(&p->ring[p->tail % RING]);
		p->tail++;
	}
	while (p->nlevels > 0)
		level_release(&p->levels[--p->nlevels]);
	packer_worker_free(p->trees);
	p->trees = NULL;
	packer_free(p->packer);
	p->packer = NULL;
	cache_close(p->cache_in);
	p->cache_in = NULL;
	cache_abandon(p->cache_out);
	p->cache_out = NULL;
}

static err
attempt(struct putting *p)
{
	err e, finish;

	if ((e = attempt_start(p)).code)
		return e;
	phase(p->opts, "reading");
	e = walk_run(&p->walk);
	while (!e.code && p->tail < p->head)
		e = consume(p);
	if (!e.code)
		e = intake_finish(p->intake);
	if (!e.code)
		e = packer_worker_flush(p->trees);
	phase(p->opts, "writing");
	if (e.code && e.code != E_CANCELLED)
		return e;

	/* Why writing stopped is known here. */
	finish = packer_failed(p->packer) || !e.code ?
	    packer_finish(p->packer) : OK;
	if (finish.code) {
		err_drop(e);
		return finish;
	}
	count_stages(p);
	return e;
}

/* --- the whole ------------------------------------------------------------------- */

static err
snapshot_of(struct putting *p, struct snapshot *s)
{
	AUTO(snapshot_list_release) struct snapshot_list all = { 0 };
	AUTO(buf_release) struct buf base = BUF_MAX(64 * KiB);
	struct vault_put_report *r = p->report;
	err e;

	if ((e = vault_snapshots(p->v, NULL, &all)).code)
		return e;
	for (size_t i = 0; i < all.n; i++) {
		if (strcmp(all.v[i].node, p->v->keys.name) == 0 &&
		    all.v[i].sequence > s->sequence)
			s->sequence = all.v[i].sequence;
		if (strcmp(all.v[i].asset, p->src->asset) == 0)
			s->prev = all.v[i].id;
	}
	s->sequence++;
	fs_quote(p->src->base, strlen(p->src->base), &base);
	s->asset = strdup(p->src->asset);
	s->kind = strdup(p->src->kind);
	s->node = strdup(p->v->keys.name);
	s->base = strdup(buf_cstr(&base));
	if (s->asset == NULL || s->kind == NULL || s->node == NULL ||
	    s->base == NULL)
		return err_nomem();
	s->root = p->root;
	s->partial = p->src->picks != NULL;
	s->files = r->files;
	s->dirs = r->dirs;
	s->others = r->others;
	s->bytes = r->bytes;
	s->bytes_new = r->bytes_new;
	s->bytes_stored = r->bytes_stored;
	s->problems = r->problems.total;
	s->unsteady = r->unsteady;
	s->root_entry_len = p->root_entry.len;
	return mem_dup(p->root_entry.p, p->root_entry.len,
	    (char **)&s->root_entry);
}

static err
run(struct putting *p, struct snapshot *s)
{
	bool clear = false;
	err e = OK;

	for (unsigned n = 0; n < ATTEMPTS && !clear; n++) {
		attempt_end(p);
		if ((e = attempt(p)).code ||
		    (e = commit_fill(&p->commit)).code ||
		    (e = commit_promise(&p->commit, &clear)).code)
			return e;
	}
	if (!clear)
		return err_new(E_BUSY,
		    "nothing was committed: collectors kept taking what this "
		    "backup needs; run it again");
	s->finished_ns = time_now();
	if ((e = snapshot_of(p, s)).code)
		return e;
	e = commit_snapshot(&p->commit, s);
	if (e.code == E_BUSY) {
		/* Stopped for a day: once more from the promise. */
		err_drop(e);
		if ((e = commit_promise(&p->commit, &clear)).code)
			return e;
		if (!clear)
			return err_new(E_BUSY,
			    "nothing was committed: this run was stopped too "
			    "long; run it again");
		e = commit_snapshot(&p->commit, s);
	}
	return e;
}

static void
raise_descriptors(struct putting *p)
{
	struct rlimit rl;

	p->ring_max = RING;
	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	if (rl.rlim_cur < 16384 && rl.rlim_max > rl.rlim_cur) {
		rl.rlim_cur = rl.rlim_max < 16384 ? rl.rlim_max : 16384;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	/* Every item may hold a directory open; so does every level. */
	if (rl.rlim_cur / 4 < p->ring_max)
		p->ring_max = rl.rlim_cur / 4 < 16 ? 16 : rl.rlim_cur / 4;
}

/* A pending marker of our domain that no run of ours has made. */
static err
see_pending(const struct store_item *item, void *arg)
{
	struct putting *p = arg;
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	AUTO(record_release) struct record r = { 0 };
	err e = vault_get_any(p->v, item->name, &b);

	if (!e.code)
		e = record_decode(RECORD_PENDING, &p->v->statements, b.p, b.len,
		    &r);
	if (e.code == E_NOMEM)
		return e;
	if (!e.code && memcmp(r.domain, p->v->keys.domain.id, ID_LEN) == 0)
		p->interrupted = true;
	err_drop(e);
	return OK;
}

/* What an interrupted run has put already is not sent again. */
static err
adopt(struct putting *p)
{
	err e;

	if ((e = vault_each_name(p->v, "pending", see_pending, p)).code)
		return e;
	return p->interrupted || p->v->index_gap ? index_adopt(p->v, NULL) : OK;
}

static err
put_start(struct putting *p)
{
	struct vault_put_report *r = p->report;
	err e;

	raise_descriptors(p);
	p->enc = BUF_MAX(64 * MiB);
	p->root_entry = BUF_MAX(MiB);
	hmac_sha256(&p->v->keys.domain.pseudonym, p->src->asset,
	    strlen(p->src->asset), &p->pseudonym);
	if ((e = mem_alloc(p->v->ncopies, sizeof(*r->stores),
	         &r->stores)).code ||
	    (e = mem_alloc(RING, sizeof(*p->ring), &p->ring)).code)
		return e;
	r->nstores = p->v->ncopies;
	for (size_t i = 0; i < r->nstores; i++) {
		const struct vault_copy *c = &p->v->copies[i];

		r->stores[i].name = c->config->name;
		if (c->store == NULL)
			r->stores[i].why = strdup(c->why ? c->why : "not open");
	}
	if ((e = session_init(&p->v->keys, &p->session)).code)
		return e;
	p->commit = (struct commit){ .v = p->v, .session = &p->session,
		.outcome = r->stores };
	p->sink = (struct tree_sink){ .put = tree_put, .arg = p,
		.cut_key = tree_cut_key(&p->v->keys.domain.chunker) };
	phase(p->opts, "opening the index");
	if ((e = index_load(p->v)).code || (e = adopt(p)).code)
		return e;
	return commit_survey(&p->commit);
}

static err
verdict(const struct vault *v, struct vault_put_report *r)
{
	for (size_t i = 0; i < r->nstores; i++)
		if (v->copies[i].store == NULL && r->stores[i].why == NULL)
			r->stores[i].why = strdup(v->copies[i].why != NULL ?
			        v->copies[i].why : "went away");
	for (size_t i = 0; i < r->nstores; i++)
		if (r->stores[i].why != NULL)
			return err_new(E_PARTIAL,
			    "store '%s' lags: %s", r->stores[i].name,
			    r->stores[i].why);
	if (r->problems.total > 0)
		return err_new(E_PARTIAL, "%llu files could not be read",
		    (unsigned long long)r->problems.total);
	return OK;
}

static void
put_end(struct putting *p)
{
	attempt_end(p);
	session_release(&p->session);
	free(p->ring);
	free(p->levels);
	free(p->users.v);
	free(p->groups.v);
	buf_release(&p->enc);
	buf_release(&p->root_entry);
}

static bool
none_dead(uint32_t pack, void *arg)
{
	(void)pack, (void)arg;
	return false;
}

err
vault_put(struct vault *v, const struct vault_source *src,
    const struct vault_put_opts *opts, struct vault_put_report *ret)
{
	AUTO(snapshot_release) struct snapshot s = { 0 };
	struct putting p = { .v = v, .src = src, .opts = opts, .report = ret };
	struct vault_problems ignored = { 0 };
	struct merge_plan merge = { .dead = none_dead, .problems = &ignored };
	int64_t t0 = time_mono(), c0 = time_cpu();
	struct cache_writer *fresh;
	err e;

	*ret = (struct vault_put_report){ 0 };
	s.started_ns = time_now();
	e = put_start(&p);
	if (!e.code)
		e = run(&p, &s);
	if (!e.code) {
		ret->id = s.id;
		/* The cache may run ahead of no snapshot. */
		fresh = p.cache_out;
		if (fresh != NULL)
			err_drop(cache_commit(fresh));
		e = verdict(v, ret);
		if (v->index.n > INDEX_FILES_MAX)
			err_drop(merge_indexes(v, &merge));
	}
	commit_end(&p.commit);
	put_end(&p);
	vault_problems_release(&ignored);
	ret->wall_ns = time_mono() - t0;
	ret->cpu_walk_ns = time_cpu() - c0;
	return e;
}

/* --- comparing ------------------------------------------------------------------- */

struct comparing {
	struct vault_drift *drift;
};

static err
compare_enter(void *arg, const char *name, const struct stat *st,
    struct dirref *dir)
{
	(void)arg, (void)name, (void)st, (void)dir;
	return OK;
}

static err
compare_leave(void *arg)
{
	(void)arg;
	return OK;
}

static err
compare_entry(void *arg, struct dirref *dir, const char *name,
    const struct stat *st, enum walk_news news, const struct cache_record *rec)
{
	struct vault_drift *d = ((struct comparing *)arg)->drift;

	(void)dir;
	if (!S_ISREG(st->st_mode))
		return OK;

	/*
	 * A backup reads what has a new inode or was too young to trust its
	 * times; for telling what is unprotected, size and time are enough.
	 */
	if (rec != NULL && rec->stamp.size == (uint64_t)st->st_size &&
	    rec->stamp.mtime_ns == (int64_t)st->st_mtim.tv_sec * NS_PER_S +
	        st->st_mtim.tv_nsec)
		news = WALK_SAME;
	d->same += news == WALK_SAME;
	d->changed += news == WALK_CHANGED;
	d->added += news == WALK_NEW;
	if (news == WALK_SAME)
		return OK;
	d->bytes_unprotected += (uint64_t)st->st_size;
	vault_add_problem(&d->sample, name, strlen(name),
	    err_new(E_OK, "%s", news == WALK_NEW ? "new" : "changed"));
	return OK;
}

static void
compare_gone(void *arg, const char *path)
{
	struct vault_drift *d = ((struct comparing *)arg)->drift;

	d->missing++;
	vault_add_problem(&d->sample, path, strlen(path),
	    err_new(E_OK, "missing"));
}

static void
compare_problem(void *arg, const char *path, err why)
{
	struct vault_drift *d = ((struct comparing *)arg)->drift;

	d->changed++;
	vault_add_problem(&d->sample, path, strlen(path), why);
}

err
vault_compare(struct vault *v, const struct vault_source *src,
    const struct vault_put_opts *opts, struct vault_drift *ret)
{
	static const struct walk_ops compare_ops = {
		.enter = compare_enter,
		.entry = compare_entry,
		.leave = compare_leave,
		.gone = compare_gone,
		.problem = compare_problem,
	};
	AUTO(cache_closep) struct cache_reader *cache = NULL;
	struct comparing k = { ret };
	struct walk w = {
		.ops = &compare_ops, .arg = &k, .source = src, .opts = opts,
		.state_fd = v->state_fd,
	};
	struct digest pseudonym;
	err e;

	*ret = (struct vault_drift){ 0 };
	hmac_sha256(&v->keys.domain.pseudonym, src->asset, strlen(src->asset),
	    &pseudonym);
	e = cache_open(v->cache_fd, &v->keys.domain, &pseudonym, &cache);
	if (e.code == E_NOMEM)
		return e;
	ret->no_snapshot = e.code != E_OK;
	err_drop(e);
	w.cache = cache;
	e = walk_run(&w);
	if (e.code == E_NOTFOUND) {
		err_drop(e);
		ret->no_base = true;
		return OK;
	}
	return e;
}
