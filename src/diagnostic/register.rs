//! The register of codes. A code is never given a second meaning.

/// Whether a finding stops the compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// A stable code such as `E0203`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code {
    /// `E` or `W` and four digits.
    pub id: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
}

impl Code {
    /// Errors begin with `E`, warnings with `W`.
    pub fn severity(self) -> Severity {
        if self.id.starts_with('W') {
            Severity::Warning
        } else {
            Severity::Error
        }
    }
}

impl Code {
    /// Whether it tells of a limit of the compiler.
    pub fn is_limit(self) -> bool {
        self.id.starts_with("E07")
    }
}

macro_rules! codes {
    ($($name:ident = $id:literal, $title:literal;)*) => {
        /// One constant a code.
        #[allow(missing_docs)] // the title says it
        pub mod codes {
            use super::Code;
            $(pub const $name: Code = Code { id: $id, title: $title };)*
        }

        /// All codes, in the order of their numbers.
        pub const ALL: &[Code] = &[$(codes::$name),*];
    };
}

codes! {
    // E01: text and syntax
    SYNTAX = "E0101", "the text is not in the grammar";
    UNCLOSED = "E0102", "a bracket, string or comment is not closed";
    STRAY_CLOSER = "E0103", "a closing bracket without its opening one";
    BAD_CHARACTER = "E0104", "a character that cannot stand in a source";
    BAD_NUMBER = "E0105", "a number that cannot be represented";
    BAD_ESCAPE = "E0106", "an unknown escape in a text";
    RESERVED_WORD = "E0107", "a reserved word used as a name";
    // E02: names and wiring
    UNDEFINED = "E0201", "a name that nothing declares";
    DUPLICATE = "E0202", "a name declared twice";
    RECURSION = "E0203", "a block, net or function that contains itself";
    NOT_A_STEP = "E0204", "a name that cannot be a step";
    NOT_A_VALUE = "E0205", "a name that is not a constant";
    NO_VALUE = "E0206", "a step where no value arrives";
    MISPLACED = "E0207", "a statement where it cannot stand";
    NO_NET = "E0208", "no such net, or several to choose from";
    DUPLICATE_PARAMETER = "E0209", "two parameters with one name";
    DUPLICATE_LABEL = "E0210", "a label used twice in one scope";
    BUILTIN_NAME = "E0211", "a declaration with the name of a built-in";
    SPLIT_LABELS = "E0212", "labels that do not match the parts of a split";
    EMPTY_NET = "E0213", "a net without an input or without a step";
    OUTPUT_NAME = "E0214", "an output with the name of another value";
    DROPPED = "E0215", "a step that drops what arrives";
    BRANCH = "E0216", "a branch that can be read in two ways";
    // E03: expressions, arguments
    TYPE = "E0301", "a value of another type is wanted";
    ARITHMETIC = "E0302", "arithmetic without a result";
    INDEX = "E0303", "an index outside its list";
    UNKNOWN_ARGUMENT = "E0304", "an argument that the callee does not have";
    MISSING_ARGUMENT = "E0305", "an argument is missing";
    TOO_MANY_ARGUMENTS = "E0306", "more arguments than parameters";
    REPEATED_ARGUMENT = "E0307", "an argument given twice";
    UNKNOWN_FIELD = "E0308", "a property that the value does not have";
    REQUIREMENT = "E0309", "a requirement of the author does not hold";
    BACKWARDS = "E0310", "a range that ends before it begins";
    // E04: shapes
    ASSERTION = "E0401", "a shape assertion does not hold";
    MISMATCH = "E0402", "shapes that do not agree";
    RANK = "E0403", "a layer that takes another rank";
    WINDOW = "E0404", "a window larger than its input";
    CHANNELS = "E0405", "channels that cannot be divided so";
    CONCAT = "E0406", "branches that cannot be joined";
    RESHAPE = "E0407", "a reshape that changes the number of elements";
    SLICE = "E0408", "a slice outside its input";
    EMPTY_SHAPE = "E0409", "a dimension of zero";
    SIZE_CONDITION = "E0410", "a step that fits only some of the sizes";
    OPEN_SIZE = "E0411", "a size that must be fixed";
    UNDECIDED = "E0412", "a question that open sizes leave undecided";
    WHERE = "E0413", "a `where` that does not hold";
    NO_SIZE = "E0414", "no such open size";
    // E05: attributes
    ATTRIBUTE_RANGE = "E0501", "an attribute outside its range";
    ATTRIBUTE_VALUE = "E0502", "an attribute with an unknown value";
    PAD_TOO_LARGE = "E0503", "a pooling pad larger than half its kernel";
    // E06: files
    USE_NOT_FOUND = "E0601", "a file that cannot be read";
    USE_CYCLE = "E0602", "files that use each other in a circle";
    USE_ESCAPE = "E0603", "a path outside the allowed directories";
    NOT_UTF8 = "E0604", "a file that is not UTF-8 text";
    // E07: limits
    LIMIT_SOURCE = "E0701", "a source that is too large";
    LIMIT_NESTING = "E0702", "nesting that is too deep";
    LIMIT_NODES = "E0703", "a net that is too large";
    LIMIT_REPEAT = "E0704", "too many rounds of a repeat";
    LIMIT_TENSOR = "E0705", "a tensor that is too large";
    LIMIT_FILES = "E0706", "too many files";
    LIMIT_VALUE = "E0707", "a list, text or function that is too large";
    LIMIT_PARSING = "E0708", "a declaration that takes too many steps to parse";
    // E08: weights
    WEIGHTS_FILE = "E0801", "a weights file that cannot be used";
    WEIGHTS_MISSING = "E0802", "parameters without weights";
    WEIGHTS_EXTRA = "E0803", "weights that no parameter takes";
    WEIGHTS_SHAPE = "E0804", "weights of another shape";
    WEIGHTS_TYPE = "E0805", "weights of a type that cannot be used";
    WEIGHTS_NOT_FINITE = "E0806", "weights that are not finite";
    MANIFEST = "E0807", "a manifest that cannot be used";
    // E09: input data
    INPUT_FILE = "E0901", "an input file that cannot be used";
    INPUT_SHAPE = "E0902", "an input of another shape";
    OUTPUT_FILE = "E0903", "an output that cannot be written";
    // E10: the machine
    ISA = "E1001", "instructions that this machine does not have";
    TUNING_FILE = "E1002", "a file of measurements that cannot be used";
    MACHINE = "E1003", "memory or threads that could not be allocated";
    // E11: artefacts
    LINK = "E1101", "a library that cannot be made";
    TARGET = "E1102", "a target that there is no code for";
    C_NAME = "E1103", "a name that C does not allow";
    // W: lints
    UNUSED_VALUE = "W0001", "a value that no output needs";
    UNUSED_PARAMETER = "W0002", "a parameter that nothing reads";
    UNUSED_DECLARATION = "W0003", "a declaration that nothing uses";
    UNUSED_CONSTANT = "W0004", "a constant that nothing reads";
    LOST_PIXELS = "W0005", "a window that leaves pixels at the edge unread";
    BIAS_BEFORE_BATCHNORM = "W0006", "a bias before a batch-norm, which a new net does not need";
    SHADOWED_LABEL = "W0007", "a word that stands for something else of its name";
    REDUNDANT_STEP = "W0008", "a step without effect";
    SOFTMAX_NOT_LAST = "W0009", "a softmax in the middle";
    WEIGHTS_CAST = "W0010", "weights stored in a wider type than is used";
    WEIGHTS_UNUSED = "W0011", "weights of parts that the net does not have";
    OUTER_IN = "W0012", "an `in` that another brace has another value for";
    MORE_FINDINGS = "W0013", "more findings than a run tells";
    IMAGE_RANGE = "W0014", "means of another range than the samples";
    INPUT_REDUCED = "W0015", "an input of which something is left out";
}
