//! Object files: the kernels of plans and the functions that call them, for a program to link.

use std::io::{self, Write};

use cranelift::module::{DataDescription, DataId, FuncId, Linkage, Module, default_libcall_names};
use cranelift::object::object::write::{Object, SymbolId, SymbolSection, WritableBuffer};
use cranelift::object::object::{SectionKind, SymbolScope};
use cranelift::object::{ObjectBuilder, ObjectModule};

pub use super::forward::{ALIGNMENT, ImageHeader, PARTS_MAX, Status, Variant, Workspace};
use super::module::{define_kernels, failed};
use super::symbols::kernel_names;
use super::{CodegenError, Target, forward};
use crate::kernels::TileFamily;
use crate::plan::Port;

/// What an object is made of.
pub struct Contents<'a> {
    /// What public symbols begin with: an identifier of C.
    pub name: &'a str,
    /// What it runs on.
    pub target: Target,
    /// The plans, the narrowest family first: of one net.
    pub variants: &'a [Variant<'a>],
    /// How weights begin.
    pub header: ImageHeader<'a>,
    /// Whether the weights are a part of it.
    pub embeds: bool,
    /// Whether there is an entry that runs steps in parts.
    pub parallel: bool,
    /// Texts that `NAME_info` answers, in the order of its fields.
    pub texts: &'a [String],
    /// The number after them.
    pub layout_version: u32,
}

/// Machine code as an object file, still without weights.
pub struct ObjectFile {
    object: Object<'static>,
    weights: Option<SymbolId>,
    code_size: usize,
}

/// Compiles plans to an object file.
pub fn compile(contents: &Contents<'_>) -> Result<ObjectFile, CodegenError> {
    let target = contents.target;
    // Functions that decide which kernels run here must run everywhere.
    let narrowest = target.isa(TileFamily::Clif128)?;
    let builder =
        ObjectBuilder::new(narrowest, contents.name, default_libcall_names()).map_err(failed)?;
    let mut module = ObjectModule::new(builder);
    let mut functions = Vec::new();
    let mut code_size = 0;
    for variant in contents.variants {
        let plan = variant.plan;
        let isa = target.isa(variant.family())?;
        let names = kernel_names(plan, &variant.prefix);
        let kernels = define_kernels(
            &mut module,
            isa.as_ref(),
            &plan.kernels,
            &plan.machine,
            &names,
            &variant.prefix,
        )?;
        code_size += kernels.code_size();
        functions.push(
            kernels
                .functions
                .iter()
                .map(|(id, _)| *id)
                .collect::<Vec<FuncId>>(),
        );
    }
    let embedded = match contents.embeds {
        true => Some(
            module
                .declare_data(
                    &format!("{}.weights", contents.name),
                    Linkage::Import,
                    false,
                    false,
                )
                .map_err(failed)?,
        ),
        false => None,
    };
    let described = forward::Forward {
        name: contents.name,
        target,
        variants: contents.variants,
        header: contents.header,
        embedded,
        parallel: contents.parallel,
        description: define_description(&mut module, contents)?,
    };
    forward::define(&mut module, &described, &functions)?;
    let product = module.finish();
    let weights = embedded.and_then(|id| product.data_objects[id].map(|(symbol, _)| symbol));
    Ok(ObjectFile {
        object: product.object,
        weights,
        code_size,
    })
}

impl ObjectFile {
    /// Bytes of the kernels' machine code.
    pub fn code_size(&self) -> usize {
        self.code_size
    }

    /// Writes the file, without weights.
    pub fn write(self, to: &mut impl Write) -> io::Result<()> {
        self.write_with(0, |_| Ok(()), to)
    }

    /// Writes the file. The image that it embeds, if it embeds one, has `len` bytes, which `weights` writes to where they belong. They are not in memory.
    pub fn write_with<W: Write, E: From<io::Error>>(
        self,
        len: usize,
        weights: impl FnOnce(&mut W) -> Result<(), E>,
        to: &mut W,
    ) -> Result<(), E> {
        // Nobody touches these zeros, for which the system then has no memory.
        let absent = vec![0; len];
        let mut object: Object<'_> = self.object;
        if let (Some(symbol), true) = (self.weights, len > 0) {
            let name = b".rodata.weights".to_vec();
            let section = object.add_section(Vec::new(), name, SectionKind::ReadOnlyData);
            object.set_section_data(section, absent.as_slice(), ALIGNMENT as u64);
            let symbol = object.symbol_mut(symbol);
            symbol.section = SymbolSection::Section(section);
            symbol.scope = SymbolScope::Compilation;
            symbol.size = len as u64;
        }
        let mut sink = Sink {
            to,
            len: 0,
            absent: &absent,
            weights: Some(weights),
            written: Ok(()),
        };
        let emitted = object.emit(&mut sink);
        sink.written?;
        emitted.map_err(|error| io::Error::other(error.to_string()))?;
        match sink.weights {
            Some(_) if len > 0 => {
                Err(io::Error::other("the object has no place for its weights").into())
            }
            _ => Ok(()),
        }
    }
}

/// Takes an object's bytes, and has others written in place of those that are absent.
struct Sink<'a, W, F, E> {
    to: &'a mut W,
    /// Bytes that were taken.
    len: usize,
    absent: &'a [u8],
    weights: Option<F>,
    written: Result<(), E>,
}

impl<W, F, E> Sink<'_, W, F, E>
where
    W: Write,
    F: FnOnce(&mut W) -> Result<(), E>,
    E: From<io::Error>,
{
    fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if self.written.is_err() {
            return;
        }
        let is_absent = !bytes.is_empty() && std::ptr::eq(bytes, self.absent);
        self.written = match self.weights.take_if(|_| is_absent) {
            Some(weights) => weights(self.to),
            None => self.to.write_all(bytes).map_err(E::from),
        };
    }
}

impl<W, F, E> WritableBuffer for Sink<'_, W, F, E>
where
    W: Write,
    F: FnOnce(&mut W) -> Result<(), E>,
    E: From<io::Error>,
{
    fn len(&self) -> usize {
        self.len
    }

    fn reserve(&mut self, _: usize) -> Result<(), ()> {
        Ok(())
    }

    fn resize(&mut self, new_len: usize) {
        self.push(&vec![0; new_len.saturating_sub(self.len)]);
    }

    fn write_bytes(&mut self, bytes: &[u8]) {
        self.push(bytes);
    }
}

/// A constant of words, some of which are addresses within it; texts follow.
#[derive(Default)]
struct Constant {
    words: Vec<u64>,
    /// Words that are addresses of texts, by their places among the texts' bytes.
    texts: Vec<(usize, usize)>,
    /// Words that are addresses of other words.
    links: Vec<(usize, usize)>,
    bytes: Vec<u8>,
}

impl Constant {
    fn push_text(&mut self, text: &str) {
        self.texts.push((self.words.len(), self.bytes.len()));
        self.words.push(0);
        self.bytes.extend(text.bytes().filter(|byte| *byte != 0));
        self.bytes.push(0);
    }

    fn define(self, module: &mut dyn Module, name: &str) -> Result<DataId, CodegenError> {
        let id = module
            .declare_data(name, Linkage::Local, false, false)
            .map_err(failed)?;
        let mut description = DataDescription::new();
        let n_words = 8 * self.words.len();
        let words = self.words.iter().flat_map(|word| word.to_le_bytes());
        description.define(words.chain(self.bytes).collect());
        description.set_align(8);
        let own = module.declare_data_in_data(id, &mut description);
        let texts = self.texts.iter().map(|&(at, text)| (at, n_words + text));
        let links = self.links.iter().map(|&(at, word)| (at, 8 * word));
        for (at, to) in texts.chain(links) {
            description.write_data_addr(8 * at as u32, own, to as i64);
        }
        module.define_data(id, &description).map_err(failed)?;
        Ok(id)
    }
}

/// `struct NAME_description`: the header says what its fields are.
fn define_description(
    module: &mut dyn Module,
    contents: &Contents<'_>,
) -> Result<DataId, CodegenError> {
    let mut constant = Constant::default();
    for text in contents.texts {
        constant.push_text(text);
    }
    constant.words.push(u64::from(contents.layout_version));
    let plan = contents.variants.first().map(|variant| variant.plan);
    let lists: [&[Port]; 2] = plan.map_or([&[], &[]], |plan| [&plan.inputs, &plan.outputs]);
    let links = lists.map(|ports| {
        constant.words.push(ports.len() as u64);
        constant.words.push(0);
        constant.words.len() - 1
    });
    for (link, ports) in links.into_iter().zip(lists) {
        constant.links.push((link, constant.words.len()));
        for port in ports {
            constant.push_text(&port.name);
            let sizes: Vec<u64> = port.shape.sizes().collect();
            constant.words.push(sizes.len() as u64);
            let padding = std::iter::repeat_n(1, 3usize.saturating_sub(sizes.len()));
            constant.words.extend(sizes.into_iter().chain(padding));
            constant.words.push(port.shape.elements());
        }
    }
    constant.define(module, &format!("{}.description", contents.name))
}
