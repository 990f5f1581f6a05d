//! Every cap of the compiler, with its reason.
//!
//! A hostile or mistaken text must get its answer before memory or time is spent on it, so each cap is checked before the
//! work that it bounds. All stand an order of magnitude above the largest network that we know.

/// Bytes of one source file. ResNet-152 takes 2 KB; spans hold 32 bits.
pub const SOURCE_BYTES: usize = 4 << 20;

/// Nesting of brackets and braces. The parser recurses once or twice a level, so this bounds its stack.
pub const NESTING: usize = 64;

/// Nesting of operators without brackets (`not not ...`, `- - ...`, a long `if ... else if` chain): bounds the stack of what walks expressions.
pub const EXPRESSION_DEPTH: usize = 256;

/// Steps of the parser over one declaration. A text takes some 60 steps a byte at most, so that only a fault of the grammar gets here.
pub const PARSER_STEPS: usize = 256 * SOURCE_BYTES;

/// Bytes of one message of an editor: a source of the largest size, every byte of it escaped, and more.
pub const MESSAGE_BYTES: u64 = 64 << 20;

/// Files that one compilation may read through `use`.
pub const FILES: usize = 256;

/// Entries of directories that the language server looks at for `.net` files.
pub const FOLDER_ENTRIES: usize = 20_000;

/// Blocks inside blocks while a net is expanded: bounds the stack of the expansion.
pub const CALL_DEPTH: usize = 64;

/// Steps inside steps (groups, branches, operands, and the blocks they call) while a net is expanded: bounds the stack too.
pub const STEP_DEPTH: usize = 160;

/// Bytes of the full name of one node.
pub const NAME_BYTES: usize = 1_024;

/// Nodes of an expanded net. ResNet-1202 has 4,211.
pub const NODES: usize = 200_000;

/// Steps that the expansion may take, those that make no node included (a repeat of an empty body, nested repeats).
pub const EXPANSION_STEPS: usize = 1_000_000;

/// Sizes at which the rules of a net's steps may be evaluated while it is proved for all open sizes. A step takes three periods of its
/// strides and what comes before them; ResNet-152 with two open sizes takes some 10,000 in all.
pub const PROOF_STEPS: usize = 8 * EXPANSION_STEPS;

/// Steps that a call of a block counts as: its arguments, names and trail take the time of about so many.
pub const CALL_STEPS: usize = 8;

/// Parameters of one declaration: every call takes time for each of them.
pub const PARAMETERS: usize = 256;

/// Rounds of one `repeat`.
pub const REPEAT: u64 = 100_000;

/// Elements of one list value.
pub const LIST_ELEMENTS: usize = 100_000;

/// Bytes of one text value, interpolation included.
pub const TEXT_BYTES: usize = 64 << 10;

/// Elements of one tensor of one image: 2^31 floats are 8 GiB.
pub const TENSOR_ELEMENTS: u64 = 1 << 31;

/// Learned parameters and buffers of one net: 2^34 floats are 64 GiB.
pub const PARAMETER_ELEMENTS: u64 = 1 << 34;

/// Phases of one transposed convolution, each of which takes a kernel of its own: 64 x 64. FCN-32s has 32 x 32, which compile in some seconds.
pub const PHASES: u64 = 1 << 12;

/// Operations of one elementwise function after inlining: bounds the code of one kernel.
pub const FUNCTION_OPS: usize = 4_096;

/// Steps that the inlining of one function may take: equal operations are made once, so that few can take many steps.
pub const FUNCTION_STEPS: usize = 64 * FUNCTION_OPS;

/// Operations up to which passes make one elementwise function of several. Composing `n` functions one by one takes time in the
/// square of this, and a kernel keeps an epilogue's values in registers.
pub const FUSED_OPS: usize = 128;

/// Tensors that such a function takes: each is a pointer that its kernel keeps.
pub const FUSED_ARGUMENTS: usize = 12;

/// Boxes side by side in one block of a drawing: the layout takes time in the square of it. Blocks and equal neighbours are one each.
pub const DRAWN_BOXES: usize = 5_000;

/// Bytes of a safetensors header: the format's own reference implementation caps it here.
pub const WEIGHTS_HEADER_BYTES: u64 = 100 << 20;

/// Bytes of a YAML manifest.
pub const MANIFEST_BYTES: u64 = 4 << 20;

/// Bytes of a file of measurements: a convolution takes some 200.
pub const TUNING_BYTES: u64 = 16 << 20;

/// Pixels of a picture, before and after it is resized: 2^26 are 8,192 x 8,192, and half a gigabyte in 16 bits.
pub const IMAGE_PIXELS: u64 = 1 << 26;

/// Diagnostics that one run reports; past that, the text is something else. Those beyond are counted.
pub const DIAGNOSTICS: usize = 100;

/// Bytes of all diagnostics of one run.
pub const REPORT_BYTES: usize = 1 << 20;
