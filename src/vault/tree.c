/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Entries and nodes of trees.  A node is one kind byte and rows.  Invariants:
 * the same directory always gives the same bytes; a node's cuts depend on names
 * alone, so a change of content never moves them.
 */

#include <string.h>

#include "vault/tree.h"

/* Optional fields of an entry: type u8, varint length, value. */
enum {
	F_END = 0,
	F_SIZE = 1,
	F_SHA256 = 2,
	F_CHUNKS = 3,
	F_LIST = 4,
	F_HOLES = 5,
	F_LINK = 6,
	F_DIR = 7,
	F_TARGET = 8,
	F_RDEV = 9,
	F_XATTRS = 10,
	F_USER = 11,
	F_GROUP = 12,
	F_CRITICAL = 0x80,
};

struct tree_level {
	struct buf b; /* Kind byte and rows of the open node. */
	size_t rows;
	char last[TREE_NAME_MAX]; /* Last name in it. */
	size_t last_len;
};

/* --- entries -------------------------------------------------------------- */

static void
field(struct buf *b, uint8_t type, const void *p, size_t n)
{
	buf_u8(b, type);
	buf_varint(b, n);
	buf_add(b, p, n);
}

static size_t
varint_put(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		p[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	p[n++] = (uint8_t)v;
	return n;
}

static void
field_varints(struct buf *b, uint8_t type, uint64_t v, const uint64_t *w)
{
	uint8_t t[20];
	size_t n = varint_put(t, v);

	if (w != NULL)
		n += varint_put(t + n, *w);
	field(b, type, t, n);
}

static void
file_encode(const struct tree_entry *e, struct buf *b)
{
	field_varints(b, F_SIZE, e->size, NULL);
	if (e->flags & ENTRY_HAS_SHA)
		field(b, F_SHA256, e->sha256.b, DIGEST_LEN);
	if (e->flags & ENTRY_LISTED)
		field(b, F_LIST, e->list.b, DIGEST_LEN);
	else if (e->chunks_len > 0)
		field(b, F_CHUNKS, e->chunks, e->chunks_len);
	if (e->holes_len > 0)
		field(b, F_HOLES, e->holes, e->holes_len);
}

void
entry_encode(const struct tree_entry *e, struct buf *b)
{
	uint64_t minor = e->rdev_minor;

	buf_varint(b, e->name_len);
	buf_add(b, e->name, e->name_len);
	buf_u8(b, (uint8_t)e->type);
	buf_varint(b, e->flags);
	buf_varint(b, e->mode);
	buf_varint(b, e->uid);
	buf_varint(b, e->gid);
	buf_u64(b, (uint64_t)e->mtime_ns);
	if (e->type == ENTRY_FILE)
		file_encode(e, b);
	if (e->flags & ENTRY_LINKED)
		field_varints(b, F_LINK, e->link_dev, &e->link_ino);
	if (e->type == ENTRY_DIR)
		field(b, F_DIR, e->dir.b, DIGEST_LEN);
	if (e->type == ENTRY_SYMLINK)
		field(b, F_TARGET, e->target, e->target_len);
	if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK)
		field_varints(b, F_RDEV, e->rdev_major, &minor);
	if (e->xattrs_len > 0)
		field(b, F_XATTRS, e->xattrs, e->xattrs_len);
	if (e->user != NULL)
		field(b, F_USER, e->user, e->user_len);
	if (e->group != NULL)
		field(b, F_GROUP, e->group, e->group_len);
	buf_u8(b, F_END);
}

bool
entry_chunk(struct cur *c, struct chunk_ref *ret)
{
	if (c->bad || c->left == 0)
		return false;
	cur_copy(c, ret->name.b, DIGEST_LEN);
	ret->len = cur_varint(c);
	return !c->bad;
}

/* Read a number that must fit into 32 bits. */
static uint32_t
varint32(struct cur *c)
{
	uint64_t v = cur_varint(c);

	c->bad |= v > UINT32_MAX;
	return (uint32_t)v;
}

/* Take all that is left; returns where it begins. */
static const uint8_t *
rest(struct cur *v, size_t *ret_len)
{
	*ret_len = v->left;
	return cur_bytes(v, v->left);
}

static void
chunks_decode(struct cur *v, struct tree_entry *e)
{
	struct chunk_ref ref;

	e->chunks = v->p;
	e->chunks_len = v->left;
	while (entry_chunk(v, &ref))
		e->nchunks++;
}

/* Read the value of one field, to its end. */
static err
field_decode(uint8_t type, struct cur *v, struct tree_entry *e)
{
	switch (type) {
	case F_SIZE:
		e->size = cur_varint(v);
		break;
	case F_SHA256:
		cur_copy(v, e->sha256.b, DIGEST_LEN);
		break;
	case F_CHUNKS:
		chunks_decode(v, e);
		break;
	case F_LIST:
		cur_copy(v, e->list.b, DIGEST_LEN);
		break;
	case F_HOLES:
		e->holes = rest(v, &e->holes_len);
		break;
	case F_LINK:
		e->link_dev = cur_varint(v);
		e->link_ino = cur_varint(v);
		break;
	case F_DIR:
		cur_copy(v, e->dir.b, DIGEST_LEN);
		break;
	case F_TARGET:
		e->target = (const char *)rest(v, &e->target_len);
		break;
	case F_RDEV:
		e->rdev_major = varint32(v);
		e->rdev_minor = varint32(v);
		break;
	case F_XATTRS:
		e->xattrs = rest(v, &e->xattrs_len);
		break;
	case F_USER:
		e->user = (const char *)rest(v, &e->user_len);
		break;
	case F_GROUP:
		e->group = (const char *)rest(v, &e->group_len);
		break;
	default:
		if (type & F_CRITICAL)
			return err_new(
			    E_UNSUPPORTED,
			    "a tree of a newer version: update casemate");
		(void)cur_bytes(v, v->left);
	}
	if (!cur_end(v))
		return err_new(E_CORRUPT, "damaged directory entry");
	return OK;
}

/* Does an entry with the fields ${seen} have those of its kind, and no others?
 */
static bool
fields_fit(const struct tree_entry *e, uint32_t seen)
{
	const uint32_t any = 1u << F_LINK | 1u << F_XATTRS | 1u << F_USER |
	    1u << F_GROUP;
	uint32_t must = 0, may = any;

	if (e->type == ENTRY_FILE) {
		must = 1u << F_SIZE;
		if (e->flags & ENTRY_HAS_SHA)
			must |= 1u << F_SHA256;
		if (e->flags & ENTRY_LISTED)
			must |= 1u << F_LIST;
		else
			may |= 1u << F_CHUNKS;
		may |= 1u << F_HOLES;
	} else if (e->type == ENTRY_DIR) {
		must = 1u << F_DIR;
	} else if (e->type == ENTRY_SYMLINK) {
		must = 1u << F_TARGET;
	} else if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK) {
		must = 1u << F_RDEV;
	}
	if (e->flags & ENTRY_LINKED)
		must |= 1u << F_LINK;
	else
		may &= ~(1u << F_LINK);
	seen &= (2u << F_GROUP) - 1;
	return (seen & must) == must && (seen & ~(must | may)) == 0;
}

static bool
target_ok(const struct tree_entry *e)
{
	return e->type != ENTRY_SYMLINK ||
	    (e->target_len > 0 && e->target_len <= TREE_TARGET_MAX &&
	     memchr(e->target, '\0', e->target_len) == NULL);
}

static bool
name_ok(const char *p, size_t n)
{
	if (p == NULL || n == 0 || n > TREE_NAME_MAX)
		return false;
	if (p[0] == '.' && (n == 1 || (n == 2 && p[1] == '.')))
		return false;
	return memchr(p, '/', n) == NULL && memchr(p, '\0', n) == NULL;
}

err
entry_decode(struct cur *c, struct tree_entry *ret)
{
	struct tree_entry e = { 0 };
	uint8_t type, last = 0;
	uint32_t seen = 0;
	err er;

	e.name_len = (size_t)cur_varint(c);
	e.name = (const char *)cur_bytes(c, e.name_len);
	e.type = (enum entry_type)cur_u8(c);
	e.flags = varint32(c);
	e.mode = varint32(c);
	e.uid = varint32(c);
	e.gid = varint32(c);
	e.mtime_ns = (int64_t)cur_u64(c);
	if (c->bad || !name_ok(e.name, e.name_len) || e.mode > 07777 ||
	    e.type < ENTRY_FILE || e.type > ENTRY_SOCKET)
		return err_new(E_CORRUPT, "damaged directory entry");
	while (!c->bad && (type = cur_u8(c)) != F_END) {
		struct cur v = cur_sub(c, (size_t)cur_varint(c));

		if ((type & 0x7f) <= last)
			c->bad = true;
		last = type & 0x7f;
		seen |= last < 32 ? 1u << last : 0;
		if (!c->bad && (er = field_decode(type, &v, &e)).code)
			return er;
	}
	if (c->bad || !fields_fit(&e, seen) || !target_ok(&e))
		return err_new(E_CORRUPT, "damaged directory entry");
	*ret = e;
	return OK;
}

int
name_cmp(const char *a, size_t an, const char *b, size_t bn)
{
	size_t n = an < bn ? an : bn;
	int c = n > 0 ? memcmp(a, b, n) : 0;

	if (c != 0)
		return c;
	return an < bn ? -1 : an > bn;
}

/* --- building ------------------------------------------------------------- */

uint64_t
tree_cut_key(const struct secret *chunker_key)
{
	AUTO(secret_release) struct secret s = { 0 };

	hkdf(chunker_key, NULL, 0, "casemate tree cuts v1", &s);
	return le64(s.b);
}

/* A keyed 64-bit hash of a name: FNV-1a, finished by a strong mixer. */
static uint64_t
cut_hash(uint64_t key, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t h = key ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

void
tree_dir_init(struct tree_builder *t, const struct tree_sink *sink)
{
	*t = (struct tree_builder){
		.sink = sink,
		.leaf = NODE_ENTRIES,
		.inner = NODE_DIRS,
	};
}

void
tree_list_init(struct tree_builder *t, const struct tree_sink *sink)
{
	*t = (struct tree_builder){
		.sink = sink,
		.leaf = NODE_CHUNKS,
		.inner = NODE_CHUNK_LISTS,
	};
}

void
tree_builder_release(struct tree_builder *t)
{
	for (size_t i = 0; i < t->nlevels; i++)
		buf_release(&t->level[i].b);
	free(t->level);
	t->level = NULL;
	t->nlevels = 0;
}

static err
level_at(struct tree_builder *t, size_t i, struct tree_level **ret)
{
	err e;

	if (t->level == NULL &&
	    (e = mem_alloc(TREE_DEPTH_MAX, sizeof(*t->level), &t->level)).code)
		return e;
	if (i >= TREE_DEPTH_MAX)
		return err_new(E_LIMIT, "a directory too large for a tree");
	while (t->nlevels <= i)
		t->level[t->nlevels++].b = BUF_MAX(TREE_NODE_MAX +
		                                   TREE_ENTRY_MAX + 64);
	*ret = &t->level[i];
	if ((*ret)->rows == 0) {
		buf_clear(&(*ret)->b);
		buf_u8(&(*ret)->b, (uint8_t)(i == 0 ? t->leaf : t->inner));
	}
	return OK;
}

static err level_flush(struct tree_builder *t, size_t i);

/* A row was added to level ${i}; ${row} bytes long, hashed from ${key}. */
static err
level_added(struct tree_builder *t, size_t i, const void *key, size_t n,
            size_t row)
{
	struct tree_level *l = &t->level[i];
	uint64_t limit = UINT64_MAX / TREE_NODE_TARGET *
	    MIN(row, (size_t)TREE_NODE_TARGET);
	err e;

	l->rows++;
	if ((e = buf_done(&l->b)).code)
		return e;
	/* An inner node has at least two rows, or the tree would not end. */
	if (l->rows < 2 && i > 0)
		return OK;
	if (l->b.len >= TREE_NODE_MAX ||
	    cut_hash(t->sink->cut_key + i, key, n) < limit)
		return level_flush(t, i);
	return OK;
}

static err
level_flush(struct tree_builder *t, size_t i)
{
	struct tree_level *l = &t->level[i], *up;
	struct digest name;
	size_t before;
	err e;

	if ((e = t->sink->put(t->sink->arg, l->b.p, l->b.len, &name)).code ||
	    (e = level_at(t, i + 1, &up)).code)
		return e;
	l = &t->level[i];
	before = up->b.len;
	buf_add(&up->b, name.b, DIGEST_LEN);
	buf_varint(&up->b, l->last_len);
	buf_add(&up->b, l->last, l->last_len);
	memcpy(up->last, l->last, l->last_len);
	up->last_len = l->last_len;
	l->rows = 0;
	if (l->last_len > 0)
		return level_added(t, i + 1, l->last, l->last_len,
		                   up->b.len - before);
	return level_added(t, i + 1, name.b, DIGEST_LEN, up->b.len - before);
}

err
tree_dir_add(struct tree_builder *t, const char *name, size_t name_len,
             const void *enc, size_t n)
{
	struct tree_level *l;
	err e;

	if ((e = level_at(t, 0, &l)).code)
		return e;
	buf_add(&l->b, enc, n);
	memcpy(l->last, name, name_len);
	l->last_len = name_len;
	return level_added(t, 0, name, name_len, n);
}

err
tree_list_add(struct tree_builder *t, const struct chunk_ref *ref)
{
	struct tree_level *l;
	size_t before;
	err e;

	if ((e = level_at(t, 0, &l)).code)
		return e;
	before = l->b.len;
	buf_add(&l->b, ref->name.b, DIGEST_LEN);
	buf_varint(&l->b, ref->len);
	l->last_len = 0;
	return level_added(t, 0, ref->name.b, DIGEST_LEN, l->b.len - before);
}

err
tree_finish(struct tree_builder *t, struct digest *ret)
{
	struct tree_level *l;
	struct cur c;
	enum node_kind kind;
	struct tree_child child;
	err e;

	if ((e = level_at(t, 0, &l)).code)
		return e;

	/* Close levels from below until one node is left: the root. */
	for (size_t i = 0;; i++) {
		bool top = true;

		for (size_t k = i + 1; top && k < t->nlevels; k++)
			top = t->level[k].rows == 0;
		l = &t->level[i];
		if (top && (l->rows > 0 || i == 0)) {
			if (i > 0 && l->rows == 1)
				break;
			return t->sink->put(t->sink->arg, l->b.p, l->b.len,
			                    ret);
		}
		if (l->rows > 0 && (e = level_flush(t, i)).code)
			return e;
	}

	/* A single child needs no parent. */
	if ((e = node_open(l->b.p, l->b.len, &kind, &c)).code)
		return e;
	if (!node_child(&c, kind, &child))
		return err_new(E_CORRUPT, "tree builder lost its root");
	*ret = child.node;
	return OK;
}

/* --- reading -------------------------------------------------------------- */

err
node_open(const void *p, size_t n, enum node_kind *ret_kind, struct cur *ret)
{
	struct cur c = CUR(p, n);
	uint8_t kind = cur_u8(&c);

	if (c.bad || kind < NODE_ENTRIES || kind > NODE_CHUNK_LISTS)
		return err_new(E_CORRUPT, "not a tree node");
	*ret_kind = (enum node_kind)kind;
	*ret = c;
	return OK;
}

bool
node_child(struct cur *c, enum node_kind kind, struct tree_child *ret)
{
	if (c->bad || c->left == 0)
		return false;
	if (kind != NODE_DIRS && kind != NODE_CHUNK_LISTS) {
		c->bad = true;
		return false;
	}
	cur_copy(c, ret->node.b, DIGEST_LEN);
	ret->last_len = (size_t)cur_varint(c);
	ret->last = (const char *)cur_bytes(c, ret->last_len);
	return !c->bad;
}
