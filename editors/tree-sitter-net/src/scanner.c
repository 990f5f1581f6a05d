// Tokens that a regular expression cannot tell: the parenthesis that stands directly behind a name, and comments that nest.

#include "tree_sitter/parser.h"

enum TokenType { CALL_OPEN, BLOCK_COMMENT };

void *tree_sitter_net_external_scanner_create(void) { return NULL; }
void tree_sitter_net_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_net_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload;
  (void)buffer;
  return 0;
}
void tree_sitter_net_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload;
  (void)buffer;
  (void)length;
}

static bool is_space(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0xfeff; }

static bool block_comment(TSLexer *lexer) {
  lexer->advance(lexer, false);
  if (lexer->lookahead != '*') return false;
  lexer->advance(lexer, false);
  unsigned depth = 1;
  while (depth > 0) {
    if (lexer->eof(lexer)) return false;
    int32_t c = lexer->lookahead;
    lexer->advance(lexer, false);
    if (c == '*' && lexer->lookahead == '/') {
      lexer->advance(lexer, false);
      depth--;
    } else if (c == '/' && lexer->lookahead == '*') {
      lexer->advance(lexer, false);
      depth++;
    }
  }
  lexer->result_symbol = BLOCK_COMMENT;
  return true;
}

bool tree_sitter_net_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid_symbols) {
  (void)payload;
  if (valid_symbols[CALL_OPEN] && lexer->lookahead == '(') {
    lexer->advance(lexer, false);
    lexer->result_symbol = CALL_OPEN;
    return true;
  }
  if (!valid_symbols[BLOCK_COMMENT]) return false;
  while (is_space(lexer->lookahead)) lexer->advance(lexer, true);
  return lexer->lookahead == '/' && block_comment(lexer);
}
