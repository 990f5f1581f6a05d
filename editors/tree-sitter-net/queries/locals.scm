(net_declaration) @local.scope
(block_declaration) @local.scope
(function_declaration) @local.scope
(repeat_step) @local.scope

(parameter name: (identifier) @local.definition)
(constant name: (identifier) @local.definition)
(input name: (identifier) @local.definition)
(open_size name: (identifier) @local.definition)
(label (identifier) @local.definition)
(repeat_step variable: (identifier) @local.definition)

(identifier) @local.reference
