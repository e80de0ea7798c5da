/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CUT_FIND_H
#define VAULT_CUT_FIND_H

/*
 * The finders, one file each.  All parse hostile bytes: what they read, what
 * they keep and how deep they go is bounded, and whatever looks odd ends in
 * E_UNSUPPORTED, after which the file is cut as a stream.
 */

#include <stdint.h>

#include "base/err.h"
#include "vault/cut_in.h"
#include "vault/cut_plan.h"

/**
 * cut_safetensors_find(in, p), cut_zip_find(in, p), cut_numpy_find(in, p),
 * cut_parquet_find(in, p), cut_gguf_find(in, p):
 * Lay down the parts of the file behind ${in}, which is at its start, in ${p}.
 * OK leaves cut_plan_end() to the caller.  E_UNSUPPORTED if the file is not of
 * this format, is malformed, or exceeds a bound; E_NOMEM.
 */
err cut_safetensors_find(struct cut_in *in, struct cut_plan *p);
err cut_zip_find(struct cut_in *in, struct cut_plan *p);
err cut_numpy_find(struct cut_in *in, struct cut_plan *p);
err cut_parquet_find(struct cut_in *in, struct cut_plan *p);
err cut_gguf_find(struct cut_in *in, struct cut_plan *p);

/**
 * cut_numpy_header(in, off, len):
 * Return how long the header of the NumPy array is that fills the ${len} bytes
 * at ${off}; 0 if there is none.  Moves ${in}.
 */
uint64_t cut_numpy_header(struct cut_in *in, uint64_t off, uint64_t len);

#endif /* VAULT_CUT_FIND_H */
