// SPDX-License-Identifier: Apache-2.0
/* Custom operators for Lathe: everything a plugin needs is in this header; it links to nothing of Lathe's.
 *
 * A plugin is a shared library that exports lathe_plugin_entry. Lathe calls it once with the version of the
 * interface it speaks; the plugin answers with its table of operators, or with NULL where it does not speak
 * that version. The table and all it points to must stay as they are until the process ends.
 *
 * For each node of such an operator Lathe calls `infer` while it opens and compiles a model, with the sizes
 * known so far, and, whenever it runs, `infer` with all sizes and then `compute`. Calls may come from any
 * thread, from several at once for different nodes; they must keep no pointer they are given, write nothing
 * but outputs and the message, and return. They run in Lathe's process: what they do to memory that is not
 * theirs cannot be undone. Lathe allocates outputs and looks, after each call, whether bytes around them were
 * written.
 *
 * Before it loads a library Lathe tries it out in a child process: it loads it there and calls each operator
 * with small tensors of float and int64, of rank 0 to 4, as few as it takes, without attributes. An operator
 * answers inputs that it cannot take with an error; a library that crashes or hangs on them is not loaded.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LATHE_PLUGIN_ABI_VERSION 1u
#define LATHE_PLUGIN_MAX_RANK 8

/** A size that is not known: of an input while inferring, or of an output that infer cannot tell yet. */
#define LATHE_PLUGIN_UNKNOWN (-1)
/** As a size of an output: whatever size `axis` of input `input` has, also where that is not known yet. */
#define LATHE_PLUGIN_SIZE_OF(input, axis) (-2 - ((int64_t)(input)*LATHE_PLUGIN_MAX_RANK + (axis)))

/** Traits of an operator; add them up. */
#define LATHE_PLUGIN_DATA_DEPENDENT 1u /**< sizes of outputs depend on elements of inputs */
#define LATHE_PLUGIN_RANDOM 2u         /**< never computed ahead, even where all inputs are constant */

/** Numbers of element types: ONNX's TensorProto.DataType, of which the commonest are: */
enum {
  LATHE_PLUGIN_ABSENT = 0, /**< an optional input or output that is not there */
  LATHE_PLUGIN_FLOAT = 1,
  LATHE_PLUGIN_UINT8 = 2,
  LATHE_PLUGIN_INT8 = 3,
  LATHE_PLUGIN_INT32 = 6,
  LATHE_PLUGIN_INT64 = 7,
  LATHE_PLUGIN_BOOL = 9,
  LATHE_PLUGIN_FLOAT16 = 10,
  LATHE_PLUGIN_DOUBLE = 11,
  LATHE_PLUGIN_BFLOAT16 = 16
};

/** An input. Row-major, one element after the other, those of 4 and 2 bits in a byte each. */
typedef struct LathePluginTensor {
  int32_t element_type; /**< LATHE_PLUGIN_ABSENT: not there */
  int32_t rank;         /**< LATHE_PLUGIN_UNKNOWN only while inferring */
  const int64_t* dims;  /**< rank of them; LATHE_PLUGIN_UNKNOWN only while inferring */
  const void* data;     /**< NULL while inferring, unless the input is constant */
} LathePluginTensor;

/** Type and sizes of an output, as infer sets them; element_type is LATHE_PLUGIN_ABSENT before. */
typedef struct LathePluginType {
  int32_t element_type;
  int32_t rank;
  int64_t dims[LATHE_PLUGIN_MAX_RANK];
} LathePluginType;

/** An output to compute, allocated as infer said, elements not set. */
typedef struct LathePluginOutput {
  int32_t element_type; /**< LATHE_PLUGIN_ABSENT: nobody wants it, data is NULL */
  int32_t rank;
  const int64_t* dims;
  void* data;
} LathePluginOutput;

typedef struct LathePluginNode LathePluginNode;

/** What Lathe offers to a plugin. Attribute getters return 1 and set what they point to where the node has an
 *  attribute of that name and type, else 0. Texts and lists live as long as the call; texts end with a zero
 *  byte that `length` does not count. */
typedef struct LathePluginHost {
  uint32_t abi_version;
  const char* (*node_name)(const LathePluginNode* node);
  int (*get_int)(const LathePluginNode* node, const char* name, int64_t* value);
  int (*get_float)(const LathePluginNode* node, const char* name, float* value);
  int (*get_string)(const LathePluginNode* node, const char* name, const char** text, size_t* length);
  int (*get_ints)(const LathePluginNode* node, const char* name, const int64_t** values, size_t* count);
  int (*get_floats)(const LathePluginNode* node, const char* name, const float** values, size_t* count);
} LathePluginHost;

/** One call of infer or compute. */
typedef struct LathePluginCall {
  const LathePluginHost* host;
  const LathePluginNode* node;
  const LathePluginTensor* inputs;
  uint32_t input_count;
  uint32_t output_count;
  uint32_t threads;    /**< how many threads compute may use, itself included */
  char* message;       /**< why it failed: a sentence, cut off at message_size, with a zero byte */
  size_t message_size; /**< at least 256 */
} LathePluginCall;

typedef struct LathePluginOperator {
  const char* domain; /**< as in the model, e.g. "com.example"; "" is ONNX's own */
  const char* name;
  int32_t since_version; /**< first opset version of the domain that has it */
  int32_t min_inputs, max_inputs, min_outputs, max_outputs; /**< max -1: any number */
  uint32_t traits;
  /** Both return 0, or something else after writing the message. `outputs` has output_count entries. */
  int (*infer)(const LathePluginCall* call, LathePluginType* outputs);
  int (*compute)(const LathePluginCall* call, const LathePluginOutput* outputs);
} LathePluginOperator;

typedef struct LathePluginTable {
  uint32_t abi_version; /**< LATHE_PLUGIN_ABI_VERSION of the header it was built with */
  const char* name;     /**< of the plugin, for people */
  const char* version;
  uint32_t operator_count;
  const LathePluginOperator* operators;
} LathePluginTable;

#if defined(_WIN32)
#define LATHE_PLUGIN_EXPORT __declspec(dllexport)
#else
#define LATHE_PLUGIN_EXPORT __attribute__((visibility("default")))
#endif

/** The one function a plugin exports. */
LATHE_PLUGIN_EXPORT const LathePluginTable* lathe_plugin_entry(uint32_t abi_version);

#ifdef __cplusplus
}
#endif
