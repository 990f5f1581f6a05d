; Later patterns win.

(line_comment) @comment
(block_comment) @comment
(doc_comment) @comment.documentation

["use" "as" "fn" "block" "net" "input" "from" "where" "output" "let" "require" "labels"] @keyword
["residual" "shortcut" "when" "concat"] @keyword
["repeat" "in"] @keyword.repeat
["if" "then" "else"] @keyword.conditional
["and" "or" "not"] @keyword.operator
(current) @variable.builtin
(boolean) @boolean
(type) @type.builtin

["->" "+" "-" "*" "/" "%" "=" "==" "!=" "<" "<=" ">" ">=" ".."] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter
(wildcard) @constant.builtin

(int) @number
(float) @number.float
(size) @number
(string) @string
(escape) @string.escape
(interpolation ["{" "}"] @punctuation.special)

(identifier) @variable
(call callee: (identifier) @function.call (arguments))
(step (call callee: (identifier) @function.call))
((step (call callee: (identifier) @function.builtin))
  (#match? @function.builtin "^(conv|conv_transpose|dense|maxpool|avgpool|globalavgpool|globalmaxpool|adaptiveavgpool|batchnorm|lrn|softmax|dropout|identity|flatten|reshape|add|multiply|concat|split|slice|pad|upsample|scale|relu6?|leaky_relu|elu|sigmoid|tanh|hardsigmoid|hardswish|silu|gelu|softplus|mish)$"))

(net_declaration name: (identifier) @module)
(block_declaration name: (identifier) @type)
(function_declaration name: (identifier) @function)
(used_name (identifier) @type)
(parameter name: (identifier) @variable.parameter)
(argument name: (identifier) @variable.parameter)
(label (identifier) @label)
(input name: (identifier) @label)
(output name: (identifier) @label)
(constant name: (identifier) @constant)
(open_size name: (identifier) @constant)
(field_expression field: (identifier) @property)
