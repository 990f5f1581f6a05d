//! Taking in weights: which of the plans runs here, and whether a packed file is what it must be.

use cranelift::codegen::ir::Value;
use cranelift::codegen::ir::condcodes::IntCC;
use cranelift::module::{FuncId, Linkage, Module};

use super::entry::{null, unaligned};
use super::words::{self, Answer, WORD, Words};
use super::{Forward, Status};
use crate::codegen::module::define_assembled;
use crate::codegen::processor::{N_WORDS, Requirements};
use crate::codegen::{CodegenError, x86};

/// Defines `NAME_weights_open`, and `NAME_weights_embedded` where weights are part of the object.
pub fn define(module: &mut dyn Module, forward: &Forward<'_>) -> Result<(), CodegenError> {
    let cpu = define_cpu(module, forward)?;
    let adopt = define_adopt(module, forward, cpu)?;
    define_open(module, forward, adopt)?;
    let Some(embedded) = forward.embedded else {
        return Ok(());
    };
    let name = format!("{}_weights_embedded", forward.name);
    let id = words::declare(module, &name, Linkage::Export, 1, Answer::Status)?;
    words::define(module, id, |function, arguments| {
        let weights = arguments[0];
        null(function, weights);
        let image = function.data(embedded);
        let status = function.call_for(adopt, &[image, weights]);
        function.answer(status);
    })
}

/// `fn(words)`: what the processor tells of itself, if any plan asks for that.
fn define_cpu(
    module: &mut dyn Module,
    forward: &Forward<'_>,
) -> Result<Option<FuncId>, CodegenError> {
    let mut variants = forward.variants.iter();
    let asks = variants.any(|variant| forward.target.needs(variant.family()).is_some());
    let name = format!("{}.cpu", forward.name);
    asks.then(|| define_assembled(module, &name, &x86::cpu()?, 1))
        .transpose()
}

/// `fn(image, weights) -> status`: chooses the widest plan that runs on the machine that `cpu` describes, and points to its weights.
pub(super) fn define_adopt(
    module: &mut dyn Module,
    forward: &Forward<'_>,
    cpu: Option<FuncId>,
) -> Result<FuncId, CodegenError> {
    let name = forward.name;
    let adopt = format!("{name}.adopt");
    let adopt = words::declare(module, &adopt, Linkage::Local, 2, Answer::Status)?;
    words::define(module, adopt, |function, arguments| {
        let (image, weights) = (arguments[0], arguments[1]);
        let found = function.room(N_WORDS);
        if let Some(cpu) = cpu {
            function.call(cpu, &[found]);
        }
        for (index, variant) in forward.variants.iter().enumerate().rev() {
            let lacks = lacks(function, found, forward.target.needs(variant.family()));
            let runs = function.compare_int(IntCC::Equal, lacks, 0);
            function.leave_when(runs, |function| {
                let data = function.add_int(image, variant.weights_at);
                function.store(data, weights, 0);
                let number = function.int(index + 1);
                function.store(number, weights, WORD);
                function.answer_status(Status::Ok.code());
            });
        }
        function.answer_status(Status::Isa.code());
    })?;
    Ok(adopt)
}

/// A word that is not 0 if the processor is not as it must be.
fn lacks(function: &mut Words<'_>, found: Value, needs: Option<Requirements>) -> Value {
    let mut lacks = function.int(0);
    let Some(Requirements { needed, excluded }) = needs else {
        return lacks;
    };
    for (index, (needed, excluded)) in needed.into_iter().zip(excluded).enumerate() {
        let word = function.load_half(found, 4 * index as i64);
        let told = function.and_int(word, u64::from(needed | excluded));
        let needed = function.bits(u64::from(needed));
        let lack = function.xor(told, needed);
        lacks = function.or(lacks, lack);
    }
    lacks
}

/// `NAME_weights_open(image, size, weights)`
fn define_open(
    module: &mut dyn Module,
    forward: &Forward<'_>,
    adopt: FuncId,
) -> Result<(), CodegenError> {
    let checksum = define_checksum(module, forward)?;
    let name = format!("{}_weights_open", forward.name);
    let id = words::declare(module, &name, Linkage::Export, 3, Answer::Status)?;
    words::define(module, id, |function, arguments| {
        let [image, size, weights] = *arguments else {
            unreachable!("it was declared so");
        };
        null(function, weights);
        // What is not opened cannot be taken for what is.
        let zero = function.int(0);
        function.store(zero, weights, 0);
        function.store(zero, weights, WORD);
        null(function, image);
        unaligned(function, image);
        let header = &forward.header;
        // Whatever is long enough tells what it is, before its length counts.
        let least = header.bytes.len() as u64;
        let is_short = function.compare_int(IntCC::UnsignedLessThan, size, least);
        function.answer_when(is_short, Status::WeightsSize.code());
        for (index, word) in header.bytes.chunks_exact(8).enumerate() {
            let at = 8 * index;
            if at == header.checksum_at {
                continue;
            }
            let wanted = u64::from_le_bytes(std::array::from_fn(|byte| word[byte]));
            let found = function.load(image, at as i64);
            let differs = function.compare_int(IntCC::NotEqual, found, wanted);
            let status = match index {
                0 => Status::WeightsMagic,
                1 => Status::WeightsVersion,
                2 => Status::WeightsSize,
                _ => Status::WeightsNet,
            };
            function.answer_when(differs, status.code());
        }
        let is_cut = function.compare_int(IntCC::NotEqual, size, header.len as u64);
        function.answer_when(is_cut, Status::WeightsSize.code());
        let payload = function.add_int(image, header.payload_at);
        let length = function.int(header.len - header.payload_at);
        let found = function.call_for(checksum, &[payload, length]);
        let stated = function.load(image, header.checksum_at as i64);
        let differs = function.compare(IntCC::NotEqual, found, stated);
        function.answer_when(differs, Status::WeightsChecksum.code());
        let status = function.call_for(adopt, &[image, weights]);
        function.answer(status);
    })
}

/// The primes of XXH64.
const PRIMES: [u64; 4] = [
    0x9E37_79B1_85EB_CA87,
    0xC2B2_AE3D_27D4_EB4F,
    0x1656_67B1_9E37_79F9,
    0x85EB_CA77_C2B2_AE63,
];

/// `fn(bytes, length) -> checksum`: XXH64 with the seed 0 of a length that is a positive multiple of 32.
fn define_checksum(module: &mut dyn Module, forward: &Forward<'_>) -> Result<FuncId, CodegenError> {
    let name = format!("{}.checksum", forward.name);
    let id = words::declare(module, &name, Linkage::Local, 2, Answer::Word)?;
    let [p1, p2, p3, p4] = PRIMES;
    words::define(module, id, |function, arguments| {
        let (bytes, length) = (arguments[0], arguments[1]);
        let end = function.add(bytes, length);
        let [one, two] = [p1, p2].map(|prime| function.bits(prime));
        let round = |function: &mut Words<'_>, lane: Value, word: Value| {
            let product = function.mul(word, two);
            let sum = function.add(lane, product);
            let rotated = function.rotate(sum, 31);
            function.mul(rotated, one)
        };
        let starts = [p1.wrapping_add(p2), p2, 0, p1.wrapping_neg()];
        let starts = starts.map(|start| function.bits(start));
        let carried: Vec<Value> = std::iter::once(bytes).chain(starts).collect();
        let left = function.while_below(end, &carried, |function, values| {
            let at = values[0];
            let mut next = vec![function.add_int(at, 32)];
            for (lane, &value) in values[1..].iter().enumerate() {
                let word = function.load(at, WORD * lane as i64);
                next.push(round(function, value, word));
            }
            next
        });
        let lanes = &left[1..];
        let mut hash = function.rotate(lanes[0], 1);
        for (&lane, places) in lanes[1..].iter().zip([7, 12, 18]) {
            let rotated = function.rotate(lane, places);
            hash = function.add(hash, rotated);
        }
        let four = function.bits(p4);
        for &lane in lanes {
            let zero = function.int(0);
            let merged = round(function, zero, lane);
            let mixed = function.xor(hash, merged);
            let product = function.mul(mixed, one);
            hash = function.add(product, four);
        }
        hash = function.add(hash, length);
        for (places, prime) in [(33, Some(p2)), (29, Some(p3)), (32, None)] {
            let shifted = function.shift_down(hash, places);
            hash = function.xor(hash, shifted);
            if let Some(prime) = prime {
                let prime = function.bits(prime);
                hash = function.mul(hash, prime);
            }
        }
        function.answer(hash);
    })?;
    Ok(id)
}
