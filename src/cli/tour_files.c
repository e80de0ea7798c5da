/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Files of the tour.  Whatever destroys goes through a descriptor of the
 * throwaway workspace and cannot leave it.
 */

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asset/source.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cli/tour_files.h"
#include "crypto/crypto.h"

/* An example is small; who brings larger files is told so. */
#define FILE_MOST (256 * MiB)

static void
fts_end(FTS **f)
{
	if (*f != NULL)
		(void)fts_close(*f);
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static err
walk(const char *top, FTS **ret)
{
	AUTO(free_ptr) char *path = NULL;
	err e;

	if ((e = mem_dup(top, strlen(top), &path)).code)
		return e;
	char *argv[] = { path, NULL };
	if ((*ret = fts_open(argv, FTS_PHYSICAL | FTS_NOCHDIR, by_name)) ==
	    NULL)
		return err_sys("walking \"%s\"", top);
	return OK;
}

/* Is this what train.py or casemate made, at the top of the example? */
static bool
is_made(const FTSENT *f)
{
	static const char *const names[] = { "models", WORKSPACE_STATE,
		                             "__pycache__" };

	for (size_t i = 0; f->fts_level == 1 && i < ARRAY_LEN(names); i++)
		if (strcmp(f->fts_name, names[i]) == 0)
			return true;
	return false;
}

static err
copy_entry(FTSENT *f, size_t skip, const char *to)
{
	AUTO(buf_release) struct buf b = BUF_MAX(FILE_MOST);
	AUTO(free_ptr) char *path = NULL;
	err e;

	if ((e = fs_path_join(&path, to,
	                      f->fts_level > 0 ? f->fts_path + skip + 1 : ""))
	        .code)
		return e;
	switch (f->fts_info) {
	case FTS_D:
		return fs_mkdirs(AT_FDCWD, path, 0755);
	case FTS_F:
		if ((e = fs_read(AT_FDCWD, f->fts_path, &b)).code)
			return e;
		return fs_create(AT_FDCWD, path, b.p, b.len,
		                 f->fts_statp->st_mode & 0777);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		errno = f->fts_errno;
		return err_sys("reading \"%s\"", f->fts_path);
	default:
		return OK;
	}
}

err
tour_files_copy(const char *from, const char *to)
{
	AUTO(fts_end) FTS *fts = NULL;
	FTSENT *f;
	err e;

	if ((e = walk(from, &fts)).code)
		return e;
	while ((f = fts_read(fts)) != NULL) {
		if (is_made(f)) {
			(void)fts_set(fts, f, FTS_SKIP);
			continue;
		}
		if ((e = copy_entry(f, strlen(from), to)).code)
			return err_in(e, "copying the example");
	}
	return OK;
}

/* Add the file at ${path}, which lies below the workspace. */
static err
take_file(const struct workspace *ws, const char *path, const char *asset,
          struct tour_files *list)
{
	AUTO(buf_release) struct buf b = BUF_MAX(FILE_MOST);
	struct tour_file f = { .asset = asset };
	size_t skip = strlen(ws->dir);
	err e;

	if (strncmp(path, ws->dir, skip) != 0 || path[skip] != '/')
		return err_new(
		    E_INVALID,
		    "\"%s\" is not below the workspace: the tour would have "
		    "to destroy it",
		    path);
	if ((e = fs_read(AT_FDCWD, path, &b)).code ||
	    (e = mem_grow(&list->v, list->n + 1, &list->cap, sizeof(f))).code ||
	    (e = mem_dup(path + skip + 1, strlen(path) - skip - 1, &f.path))
	        .code)
		return e;
	f.size = b.len;
	sha256(b.p, b.len, &f.sha256);
	list->v[list->n++] = f;
	return OK;
}

static err
take_below(const struct workspace *ws, const char *top, const char *asset,
           struct tour_files *list)
{
	AUTO(fts_end) FTS *fts = NULL;
	FTSENT *f;
	err e;

	if ((e = walk(top, &fts)).code)
		return e;
	while ((f = fts_read(fts)) != NULL) {
		if (f->fts_info != FTS_F)
			continue;
		if ((e = take_file(ws, f->fts_path, asset, list)).code)
			return e;
	}
	return OK;
}

err
tour_files_take(const struct workspace *ws, struct tour_files *ret)
{
	AUTO(tour_files_release) struct tour_files list = { 0 };
	err e;

	for (size_t i = 0; i < ws->nassets; i++) {
		AUTO(source_release) struct source s = { 0 };
		const char *name = ws->assets[i].name;
		if ((e = asset_source(ws, &ws->assets[i], &s)).code)
			return e;
		if (s.picks == NULL &&
		    (e = take_below(ws, s.base, name, &list)).code)
			return e;
		for (char **p = s.picks; p != NULL && *p != NULL; p++) {
			AUTO(free_ptr) char *path = NULL;
			if ((e = fs_path_join(&path, s.base, *p)).code ||
			    (e = take_below(ws, path, name, &list)).code)
				return e;
		}
	}
	*ret = take_struct(list);
	return OK;
}

/* Open ${path} below ${dir} and never anywhere else. */
static err
open_below(const char *dir, const char *path, int flags, int *ret_dir,
           int *ret_fd)
{
	*ret_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return err_sys("opening \"%s\"", dir);
	return fs_open_beneath(*ret_dir, path, flags | O_CLOEXEC, 0, ret_fd);
}

static err
lock_file(const char *dir, const char *path, struct aead *key, uint32_t number)
{
	AUTO(close_fd) int dirfd = -1, fd = -1;
	AUTO(buf_release) struct buf b = BUF_MAX(FILE_MOST + TAG_LEN);
	AUTO(free_ptr) char *locked = NULL;
	uint8_t nonce[NONCE_LEN] = { 0 };
	err e;

	if ((e = open_below(dir, path, O_RDWR, &dirfd, &fd)).code ||
	    (e = fs_read(dirfd, path, &b)).code)
		return e;
	if (buf_room(&b, TAG_LEN) == NULL)
		return buf_done(&b);
	memcpy(nonce, &number, sizeof(number));
	if ((e = aead_seal(key, nonce, (struct aead_ad){ 0 }, b.p, b.len, b.p))
	        .code ||
	    (e = fs_pwrite_full(fd, b.p, b.len + TAG_LEN, 0)).code ||
	    (e = fs_sync(fd)).code)
		return e;
	if ((e = mem_alloc(strlen(path) + 8, 1, &locked)).code)
		return e;
	(void)snprintf(locked, strlen(path) + 8, "%s.locked", path);
	if (renameat(dirfd, path, dirfd, locked) != 0)
		return err_sys("renaming \"%s\"", path);
	return OK;
}

static err
remove_below(const char *dir, const char *path)
{
	AUTO(close_fd) int dirfd = -1, fd = -1;
	err e = open_below(dir, path, O_RDONLY | O_NOFOLLOW, &dirfd, &fd);

	if (e.code == E_NOTFOUND) {
		err_drop(e);
		return OK;
	}
	if (e.code)
		return e;
	if (unlinkat(dirfd, path, 0) != 0)
		return err_sys("deleting \"%s\"", path);
	return OK;
}

err
tour_files_wreck(const char *dir, const struct tour_files *f,
                 size_t *ret_locked, size_t *ret_deleted)
{
	AUTO(secret_release) struct secret key = { 0 };
	AUTO(aead_freep) struct aead *a = NULL;
	size_t locked = 0, deleted = 0;
	err e;

	if ((e = crypto_random(key.b, sizeof(key.b))).code ||
	    (e = aead_new(&key, &a)).code)
		return e;
	for (size_t i = 0; i < f->n; i++) {
		const char *path = f->v[i].path;
		bool lock = i % 2 == 0;
		e = lock ? lock_file(dir, path, a, (uint32_t)i)
			 : remove_below(dir, path);
		if (e.code)
			return err_in(e, "attacking \"%s\"", path);
		locked += lock;
		deleted += !lock;
	}
	*ret_locked = locked;
	*ret_deleted = deleted;
	return OK;
}

err
tour_files_sweep(const char *dir, const struct tour_files *f)
{
	err e;

	for (size_t i = 0; i < f->n; i += 2) {
		AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
		buf_fmt(&b, "%s.locked", f->v[i].path);
		if ((e = remove_below(dir, buf_cstr(&b))).code)
			return e;
	}
	return OK;
}

err
tour_files_compare(const char *dir, const struct tour_files *f,
                   const char *asset, struct tour_match *ret)
{
	struct tour_match m = { 0 };

	for (size_t i = 0; i < f->n; i++) {
		AUTO(buf_release) struct buf b = BUF_MAX(FILE_MOST);
		AUTO(free_ptr) char *path = NULL;
		const struct tour_file *file = &f->v[i];
		struct digest d;
		err e;

		if (asset != NULL && strcmp(file->asset, asset) != 0)
			continue;
		if ((e = fs_path_join(&path, dir, file->path)).code)
			return e;
		e = fs_read(AT_FDCWD, path, &b);
		if (e.code != E_OK && e.code != E_NOTFOUND)
			return e;
		sha256(b.p, b.len, &d);
		if (e.code == E_NOTFOUND)
			m.missing++;
		else if (digest_eq(&d, &file->sha256))
			m.equal++;
		else
			m.differ++;
		err_drop(e);
		if (m.missing + m.differ > 0 && m.first_bad == NULL)
			m.first_bad = file->path;
	}
	*ret = m;
	return OK;
}

err
tour_files_remove(const char *dir, const struct tour_files *f,
                  const char *asset)
{
	err e;

	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].asset, asset) == 0 &&
		    (e = remove_below(dir, f->v[i].path)).code)
			return e;
	return OK;
}

void
tour_files_release(struct tour_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].path);
	free(f->v);
	*f = (struct tour_files){ 0 };
}
