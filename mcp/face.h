/*
 * face: the public header, include/phasegate-mcp.h, as the rooms read it:
 * its texts are slices, its errors are enum err, its JSON is struct json.
 * mcp/face.c proves that both spellings are the same bytes.
 */
#ifndef MCP_FACE_H
#define MCP_FACE_H

#include "base/err.h"
#include "base/json.h"

#define PHASEGATE_MCP_INSIDE 1
#define mcp_text slice
#define mcp_err err
#define mcp_json json
#include "include/phasegate-mcp.h"
#undef mcp_text
#undef mcp_err
#undef mcp_json

#endif
