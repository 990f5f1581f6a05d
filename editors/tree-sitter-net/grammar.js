/**
 * The grammar of `.net` files for tree-sitter. `grammar/net.pest` is the one that the compiler uses; this one takes the same texts and is looser
 * where tree-sitter needs it: line ends mean nothing, and a parenthesis belongs to the name directly before it.
 */

const comma = (rule) => seq(rule, repeat(seq(',', rule)), optional(','));

module.exports = grammar({
  name: 'net',

  word: ($) => $.identifier,

  externals: ($) => [$._call_open, $.block_comment],

  extras: ($) => [/\s|\u{feff}/, $.line_comment, $.block_comment, $.doc_comment],

  // `name: [64, _]` is a step with an assertion, `name: relu` one with a label.
  conflicts: ($) => [[$.label, $.call]],

  rules: {
    source_file: ($) => repeat($._declaration),

    // Four slashes are no documentation.
    line_comment: () => choice(token(prec(2, /\/\/\/\/[^\n]*/)), token(/\/\/[^\n]*/)),
    doc_comment: () => token(prec(1, seq('///', optional(seq(/[^\/\n]/, /[^\n]*/))))),

    // Declarations

    _declaration: ($) => choice($.use_declaration, $.function_declaration, $.block_declaration, $.net_declaration),

    use_declaration: ($) => seq('use', field('path', $.string), optional(seq('(', comma($.used_name), ')'))),
    used_name: ($) => seq(field('name', $.identifier), optional(seq('as', field('alias', $.identifier)))),

    function_declaration: ($) =>
      seq('fn', field('name', $.identifier), field('parameters', $.parameters), '=', field('value', $._expression)),
    block_declaration: ($) => seq('block', field('name', $.identifier), $._definition),
    net_declaration: ($) => seq('net', field('name', $.identifier), $._definition),
    _definition: ($) =>
      choice(seq('=', field('base', $.call)), seq(optional(field('parameters', $.parameters)), field('body', $.body))),

    parameters: ($) => seq(choice('(', alias($._call_open, '(')), optional(comma($.parameter)), ')'),
    parameter: ($) =>
      seq(field('name', $.identifier), optional(seq(':', field('type', $._type), optional(seq('=', field('default', $._expression)))))),
    _type: ($) => choice($.type, $.list_type),
    type: () => choice('int', 'float', 'bool', 'string', 'size', 'block'),
    list_type: ($) => seq('[', $._type, ']'),

    // Statements

    body: ($) => seq('{', repeat($._statement), '}'),
    _statement: ($) => choice($.input, $.limitation, $.output, $.constant, $.requirement, $.class_names, $.chain),

    input: ($) => seq('input', field('name', $.identifier), ':', field('shape', $.shape), optional(seq('from', field('source', $.call)))),
    limitation: ($) => seq('where', field('condition', $._expression)),
    output: ($) => prec.right(seq('output', field('name', $.identifier), optional(seq(':', $.chain)))),
    constant: ($) => seq('let', field('name', $.identifier), '=', field('value', $._expression)),
    requirement: ($) => prec.right(seq('require', field('condition', $._expression), optional(seq(',', field('message', $.string))))),
    class_names: ($) => seq('labels', $._expression),

    // Steps

    chain: ($) => prec.right(seq($.step, repeat(seq('->', $.step)))),
    step: ($) => prec.right(seq(optional($._labels), $._sum, optional($.assertion))),
    _labels: ($) => seq($.label, repeat(seq(',', $.label)), ':'),
    label: ($) => prec.right(seq($.identifier, repeat(choice($.interpolation, alias($._label_text, $.label_text))))),
    _label_text: () => token.immediate(/[A-Za-z0-9_]+/),
    assertion: ($) => seq(':', $.shape),

    _sum: ($) => choice($._atom, $.binary_step),
    binary_step: ($) =>
      choice(
        prec.left(1, seq(field('left', $._sum), choice('+', '-'), field('right', $._sum))),
        prec.left(2, seq(field('left', $._sum), '*', field('right', $._sum))),
      ),
    _atom: ($) =>
      choice($.group, $.parenthesized_chain, $.residual, $.concat, $.repeat_step, $.if_step, $.current, $.call),

    group: ($) => $.body,
    parenthesized_chain: ($) => seq('(', $.chain, ')'),
    residual: ($) => prec.right(seq('residual', $.body, optional($.shortcut))),
    shortcut: ($) => seq('shortcut', optional(seq('when', field('condition', $._expression))), $.body),
    concat: ($) => seq('concat', $.body),
    repeat_step: ($) =>
      seq('repeat', field('variable', $.identifier), 'in', field('over', choice($.range, $._expression)), $.body),
    range: ($) => seq($._expression, '..', $._expression),
    if_step: ($) =>
      prec.right(seq('if', field('condition', $._expression), $.body, optional(seq('else', choice($.if_step, $.body))))),

    current: () => choice('in', 'it'),
    call: ($) => prec.right(seq(field('callee', choice($.identifier, alias('concat', $.identifier))), optional($.arguments))),
    arguments: ($) => seq(alias($._call_open, '('), optional(comma($.argument)), ')'),
    argument: ($) => seq(optional(seq(field('name', $._argument_name), '=')), field('value', $._expression)),
    // Reserved words too: `adaptiveavgpool(output=7)`.
    _argument_name: ($) =>
      choice(
        $.identifier,
        alias(
          choice('use', 'as', 'fn', 'block', 'net', 'input', 'from', 'where', 'output', 'let', 'require', 'labels', 'residual', 'shortcut', 'when', 'repeat'),
          $.identifier,
        ),
      ),

    shape: ($) => seq('[', comma(choice($.wildcard, $.open_size, $._expression)), ']'),
    // `H = 224`, in the shape of an input.
    open_size: ($) => seq(field('name', $.identifier), '=', field('default', $._expression)),
    wildcard: () => '_',

    // Expressions

    _expression: ($) => choice($.if_expression, $._operation),
    if_expression: ($) =>
      prec.right(
        seq('if', field('condition', $._operation), 'then', field('then', $._operation), 'else', field('else', $._expression)),
      ),
    _operation: ($) => choice($.binary_expression, $.unary_expression, $._operand),
    binary_expression: ($) => {
      const level = (n, ...operators) =>
        prec.left(
          n,
          seq(
            field('left', $._operation),
            field('operator', operators.length === 1 ? operators[0] : choice(...operators)),
            field('right', $._operation),
          ),
        );
      return choice(
        level(1, 'or'),
        level(2, 'and'),
        level(4, '==', '!=', '<', '<=', '>', '>='),
        level(5, '+', '-'),
        level(6, '*', '/', '%'),
      );
    },
    unary_expression: ($) => choice(prec(3, seq('not', $._operation)), prec(7, seq('-', $._operation))),
    _operand: ($) =>
      choice($.size, $.float, $.int, $.boolean, $.string, $.list, $.parenthesized_expression, $.current, $.call, $.field_expression, $.index_expression),
    parenthesized_expression: ($) => seq('(', $._expression, ')'),
    list: ($) => seq('[', optional(comma($._expression)), ']'),
    field_expression: ($) => prec(8, seq(field('value', $._operand), '.', field('field', $.identifier))),
    index_expression: ($) => prec(8, seq(field('value', $._operand), '[', field('index', $._expression), ']')),

    boolean: () => choice('true', 'false'),
    size: () => token(prec(1, /\d(_?\d)*x\d(_?\d)*/)),
    float: () => token(/\d(_?\d)*(\.\d(_?\d)*([eE][+-]?\d+)?|[eE][+-]?\d+)/),
    int: () => token(/\d(_?\d)*/),

    string: ($) =>
      seq('"', repeat(choice($.string_text, $.escape, $.interpolation)), token.immediate('"')),
    string_text: () => token.immediate(prec(1, /[^"\\{}\n]+/)),
    escape: () => token.immediate(choice(/\\[^\n]/, '{{', '}}')),
    interpolation: ($) => seq(token.immediate('{'), $._expression, '}'),

    identifier: () => /[A-Za-z_][A-Za-z0-9_]*/,
  },
});
