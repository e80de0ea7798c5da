/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests of the kernel by libfuse's low-level interface: it asks by number,
 * mount_tree.c knows.  Nothing under the mount ever changes, so the kernel may
 * remember what it was told for as long as it likes.
 */

#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/time.h"
#include "vault/mount_ops.h"

#define FOREVER (365 * 86400.0)

/* --- answers -------------------------------------------------------------- */

/* What the kernel gets to know of an error; ${e} is dropped. */
static int
errno_of(err e)
{
	int n = e.code == E_NOMEM ? ENOMEM : EIO;

	err_drop(e);
	return n;
}

static mode_t
mode_of(const struct tree_entry *t)
{
	static const mode_t types[] = {
		[ENTRY_FILE] = S_IFREG,    [ENTRY_DIR] = S_IFDIR,
		[ENTRY_SYMLINK] = S_IFLNK, [ENTRY_FIFO] = S_IFIFO,
		[ENTRY_CHAR] = S_IFCHR,    [ENTRY_BLOCK] = S_IFBLK,
		[ENTRY_SOCKET] = S_IFSOCK,
	};

	return types[t->type] | t->mode;
}

static void
stat_of(const struct mount *m, uint64_t ino, enum mount_kind kind,
        const struct tree_entry *t, struct stat *st)
{
	uint64_t size = t->type == ENTRY_SYMLINK ? t->target_len : t->size;
	int64_t ns = t->mtime_ns % NS_PER_S;

	*st = (struct stat){
		.st_ino = ino,
		.st_mode = mode_of(t),
		.st_nlink = 1,
		.st_uid = kind == MOUNT_ENTRY ? t->uid : m->uid,
		.st_gid = kind == MOUNT_ENTRY ? t->gid : m->gid,
		.st_size = (off_t)MIN(size, (uint64_t)INT64_MAX),
		.st_blksize = 128 << 10,
		.st_blocks = (blkcnt_t)(size / 512 + (size % 512 > 0)),
	};
	if (t->type == ENTRY_CHAR || t->type == ENTRY_BLOCK)
		st->st_rdev = makedev(t->rdev_major, t->rdev_minor);
	/* Nanoseconds count upwards, before 1970 too. */
	st->st_mtim.tv_sec = t->mtime_ns / NS_PER_S - (ns < 0);
	st->st_mtim.tv_nsec = ns < 0 ? ns + NS_PER_S : ns;
	st->st_atim = st->st_ctim = st->st_mtim;
}

/* The node that a request is about, and its entry.  Answers errors itself. */
static struct mount_node *
node_of(fuse_req_t req, fuse_ino_t ino, struct tree_entry *ret)
{
	struct mount *m = fuse_req_userdata(req);
	struct mount_node *n = mount_tree_node(&m->tree, ino);
	err e;

	if (n == NULL) {
		(void)fuse_reply_err(req, ESTALE);
		return NULL;
	}
	if ((e = mount_tree_entry(n, ret)).code) {
		(void)fuse_reply_err(req, errno_of(e));
		return NULL;
	}
	return n;
}

/* Number ${child} and describe it. */
static err
param_of(struct mount *m, uint64_t dir, const struct mount_child *child,
         struct fuse_entry_param *ret)
{
	struct mount_node *n;
	err e;

	if ((e = mount_tree_hold(&m->tree, dir, child, &n)).code)
		return e;
	*ret = (struct fuse_entry_param){
		.ino = n->ino,
		.attr_timeout = FOREVER,
		.entry_timeout = FOREVER,
	};
	stat_of(m, n->ino, child->kind, &child->entry, &ret->attr);
	return OK;
}

/* --- names ---------------------------------------------------------------- */

static void
op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct mount *m = fuse_req_userdata(req);
	struct fuse_entry_param p = { .entry_timeout = FOREVER };
	struct mount_child child;
	struct mount_node *dir;
	struct tree_entry t;
	bool found;
	err e;

	if ((dir = node_of(req, parent, &t)) == NULL)
		return;
	e = mount_tree_find(&m->tree, dir, name, &child, &found);
	if (!e.code && found)
		e = param_of(m, parent, &child, &p);
	if (e.code) {
		(void)fuse_reply_err(req, errno_of(e));
		return;
	}
	/* Number 0: there is none, and there will be none. */
	if (fuse_reply_entry(req, &p) != 0 && found)
		mount_tree_forget(&m->tree, p.ino, 1);
}

static void
op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	struct mount *m = fuse_req_userdata(req);

	mount_tree_forget(&m->tree, ino, n);
	fuse_reply_none(req);
}

static void
op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *v)
{
	struct mount *m = fuse_req_userdata(req);

	for (size_t i = 0; i < count; i++)
		mount_tree_forget(&m->tree, v[i].ino, v[i].nlookup);
	fuse_reply_none(req);
}

static void
op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct mount *m = fuse_req_userdata(req);
	struct mount_node *n;
	struct tree_entry t;
	struct stat st;

	(void)fi;
	if ((n = node_of(req, ino, &t)) == NULL)
		return;
	stat_of(m, ino, n->kind, &t, &st);
	(void)fuse_reply_attr(req, &st, FOREVER);
}

static void
op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	AUTO(free_ptr) char *target = NULL;
	struct tree_entry t;
	err e;

	if (node_of(req, ino, &t) == NULL)
		return;
	if (t.type != ENTRY_SYMLINK) {
		(void)fuse_reply_err(req, EINVAL);
	} else if (t.target_len >= PATH_MAX) {
		(void)fuse_reply_err(req, ENAMETOOLONG);
	} else if ((e = mem_dup(t.target, t.target_len, &target)).code) {
		(void)fuse_reply_err(req, errno_of(e));
	} else {
		(void)fuse_reply_readlink(req, target);
	}
}

/* --- files ---------------------------------------------------------------- */

static void
op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct mount *m = fuse_req_userdata(req);
	struct mount_file *f;
	struct tree_entry t;
	err e;

	if (node_of(req, ino, &t) == NULL)
		return;
	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		(void)fuse_reply_err(req, EROFS);
		return;
	}
	if ((e = mount_file_open(&m->trees, &m->v->keys.domain.naming, &t, &f))
	        .code) {
		(void)fuse_reply_err(req, errno_of(e));
		return;
	}
	fi->fh = (uintptr_t)f;
	fi->keep_cache = 1;
	if (fuse_reply_open(req, fi) != 0)
		mount_file_close(f);
}

static void
op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
        struct fuse_file_info *fi)
{
	struct mount *m = fuse_req_userdata(req);
	const struct mount_file *f = (const struct mount_file *)(uintptr_t)
					 fi->fh;
	AUTO(free_ptr) uint8_t *p = NULL;
	size_t n;
	err e;

	(void)ino;
	if (off < 0) {
		(void)fuse_reply_err(req, EINVAL);
		return;
	}
	e = mem_alloc(MAX(size, (size_t)1), 1, &p);
	if (!e.code)
		e = mount_file_read(f, &m->chunks, (uint64_t)off, p, size, &n);
	if (e.code)
		(void)fuse_reply_err(req, errno_of(e));
	else
		(void)fuse_reply_buf(req, (const char *)p, n);
}

static void
op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	mount_file_close((struct mount_file *)(uintptr_t)fi->fh);
	(void)fuse_reply_err(req, 0);
}

/* --- directories ---------------------------------------------------------- */

static void
op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct mount *m = fuse_req_userdata(req);
	struct mount_list *l;
	struct mount_node *n;
	struct tree_entry t;
	err e;

	if ((n = node_of(req, ino, &t)) == NULL)
		return;
	if (t.type != ENTRY_DIR) {
		(void)fuse_reply_err(req, ENOTDIR);
		return;
	}
	if ((e = mount_list_open(&m->tree, n, &l)).code) {
		(void)fuse_reply_err(req, errno_of(e));
		return;
	}
	fi->fh = (uintptr_t)l;
	fi->keep_cache = 1;
	fi->cache_readdir = 1;
	if (fuse_reply_open(req, fi) != 0)
		mount_list_close(l);
}

/* An answer to readdir being filled. */
struct page {
	fuse_req_t req;
	struct mount *m;
	bool plus;
	char *p;
	size_t n, size;
};

/* Add ${name}; false if it does not fit. */
static bool
page_add(struct page *g, const char *name, const struct fuse_entry_param *p,
         off_t next)
{
	size_t left = g->size - g->n, need;

	if (g->plus)
		need = fuse_add_direntry_plus(g->req, g->p + g->n, left, name,
		                              p, next);
	else
		need = fuse_add_direntry(g->req, g->p + g->n, left, name,
		                         &p->attr, next);
	if (need > left)
		return false;
	g->n += need;
	return true;
}

/* Add "." and ".." (positions 0 and 1), as far as they come behind ${off}. */
static off_t
page_dots(struct page *g, const struct mount_list *l, off_t off)
{
	static const char *const dots[] = { ".", ".." };
	struct fuse_entry_param p = { .attr = { .st_mode = S_IFDIR } };

	for (; off < 2; off++) {
		p.attr.st_ino = off == 0 ? l->dir : MOUNT_TOP;
		if (!page_add(g, dots[off], &p, off + 1))
			break;
	}
	return off;
}

/* Add a child, of which the kernel counts a lookup if it is told all. */
static err
page_child(struct page *g, const struct mount_list *l,
           const struct mount_child *c, bool *ret_fits)
{
	char name[TREE_NAME_MAX + 1];
	struct fuse_entry_param p = { 0 };
	off_t next = (off_t)l->pos + 3;
	err e;

	memcpy(name, c->entry.name, c->entry.name_len);
	name[c->entry.name_len] = '\0';
	if (g->plus) {
		if ((e = param_of(g->m, l->dir, c, &p)).code)
			return e;
	} else {
		stat_of(g->m,
		        mount_tree_number(&g->m->tree, l->dir, name,
		                          c->entry.name_len),
		        c->kind, &c->entry, &p.attr);
	}
	*ret_fits = page_add(g, name, &p, next);
	if (g->plus && !*ret_fits)
		mount_tree_forget(&g->m->tree, p.ino, 1);
	return OK;
}

static err
page_fill(struct page *g, struct mount_list *l, off_t off)
{
	const struct mount_child *c;
	bool fits = true;
	err e;

	if ((off = page_dots(g, l, off)) < 2)
		return OK;
	if ((e = mount_list_seek(l, (size_t)off - 2)).code)
		return e;
	while (fits) {
		if ((e = mount_list_peek(l, &c)).code)
			return e;
		if (c == NULL)
			break;
		if ((e = page_child(g, l, c, &fits)).code)
			return e;
		if (fits)
			mount_list_pass(l);
	}
	return OK;
}

static void
list(fuse_req_t req, size_t size, off_t off, struct fuse_file_info *fi,
     bool plus)
{
	AUTO(free_ptr) char *p = NULL;
	struct page g = { .req = req,
		          .m = fuse_req_userdata(req),
		          .plus = plus,
		          .size = size };
	err e;

	if (off < 0) {
		(void)fuse_reply_err(req, EINVAL);
		return;
	}
	e = mem_alloc(MAX(size, (size_t)1), 1, &p);
	g.p = p;
	if (!e.code)
		e = page_fill(&g, (struct mount_list *)(uintptr_t)fi->fh, off);
	/* What was read before an error is told first. */
	if (e.code && g.n == 0) {
		(void)fuse_reply_err(req, errno_of(e));
		return;
	}
	err_drop(e);
	(void)fuse_reply_buf(req, p, g.n);
}

static void
op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
           struct fuse_file_info *fi)
{
	(void)ino;
	list(req, size, off, fi, false);
}

static void
op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
               struct fuse_file_info *fi)
{
	(void)ino;
	list(req, size, off, fi, true);
}

static void
op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	mount_list_close((struct mount_list *)(uintptr_t)fi->fh);
	(void)fuse_reply_err(req, 0);
}

/* --- attributes ----------------------------------------------------------- */

struct xattr {
	const char *name;
	size_t name_len;
	const uint8_t *value;
	size_t len;
};

static bool
xattr_next(struct cur *c, struct xattr *ret)
{
	if (c->bad || c->left == 0)
		return false;
	ret->name_len = (size_t)cur_varint(c);
	ret->name = (const char *)cur_bytes(c, ret->name_len);
	ret->len = (size_t)cur_varint(c);
	ret->value = cur_bytes(c, ret->len);
	return !c->bad;
}

/* Answer with ${n} bytes, or with their number where ${size} is 0. */
static void
xattr_reply(fuse_req_t req, const void *p, size_t n, size_t size)
{
	if (size == 0)
		(void)fuse_reply_xattr(req, n);
	else if (n > size)
		(void)fuse_reply_err(req, ERANGE);
	else
		(void)fuse_reply_buf(req, p, n);
}

static void
op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct tree_entry t;
	struct xattr x;
	struct cur c;

	if (node_of(req, ino, &t) == NULL)
		return;
	c = CUR(t.xattrs, t.xattrs_len);
	while (xattr_next(&c, &x))
		if (x.name_len == strlen(name) &&
		    memcmp(x.name, name, x.name_len) == 0) {
			xattr_reply(req, x.value, x.len, size);
			return;
		}
	(void)fuse_reply_err(req, c.bad ? EIO : ENODATA);
}

static void
op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	AUTO(buf_release) struct buf b = BUF_MAX(2 * TREE_ENTRY_MAX);
	struct tree_entry t;
	struct xattr x;
	struct cur c;
	err e;

	if (node_of(req, ino, &t) == NULL)
		return;
	c = CUR(t.xattrs, t.xattrs_len);
	while (xattr_next(&c, &x)) {
		buf_add(&b, x.name, x.name_len);
		buf_u8(&b, 0);
	}
	if ((e = buf_done(&b)).code || c.bad)
		(void)fuse_reply_err(req, errno_of(e));
	else
		xattr_reply(req, b.p, b.len, size);
}

const struct fuse_lowlevel_ops mount_ops = {
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.open = op_open,
	.read = op_read,
	.release = op_release,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
};
