/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tree of a backup: items come out of the ring in the order of the walk,
 * each becomes an entry of the directory at hand and a record of the new cache.
 */

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/time.h"
#include "vault/put.h"

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

err
put_tree_chunk(void *arg, const void *p, size_t n, struct digest *ret_name)
{
	struct putting *k = arg;

	return packer_chunk(k->trees, p, n, ret_name, NULL);
}

/* The path of item ${name} in the directory at hand, for messages. */
void
put_problem(struct putting *p, const char *name, err why)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);

	for (size_t i = 1; i < p->nlevels; i++)
		buf_fmt(&b, "%s/", p->levels[i].name);
	buf_str(&b, name);
	vault_add_problem(&p->report->problems, buf_cstr(&b), b.len, why);
}

/* --- the tree ------------------------------------------------------------- */

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
	                  sizeof(*p->levels)))
	        .code)
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
		if (news == WALK_SAME)
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
	if (f->error.code == E_NOMEM || f->error.code == E_CANCELLED)
		return take_struct(f->error);
	stamp_of(f, &rec.stamp);
	entry = entry_of(p, it->name, &f->st, &f->xattrs);
	if (f->error.code) {
		bool vanished = f->error.code == E_NOTFOUND;

		put_problem(p, it->name, take_struct(f->error));
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

err
put_consume(struct putting *p)
{
	struct item *it = &p->ring[p->tail % PUT_RING];
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

void
put_drop(struct putting *p)
{
	while (p->tail < p->head) {
		item_release(&p->ring[p->tail % PUT_RING]);
		p->tail++;
	}
	while (p->nlevels > 0)
		level_release(&p->levels[--p->nlevels]);
}
