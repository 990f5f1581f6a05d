use proptest::prelude::*;

use super::*;

/// A function that a chain of the operations of shapes makes of a size, with its threshold and period; evaluated by hand.
fn arbitrary() -> impl Strategy<Value = Vec<(u8, i64)>> {
    prop::collection::vec((0u8..6, 1i64..5), 1..5)
}

fn by_hand(chain: &[(u8, i64)], size: u64) -> i64 {
    chain
        .iter()
        .fold(size as i64, |value, (operation, number)| match operation {
            0 => (value - number).div_euclid(*number + 1) + 1,
            1 => (value + number - 1).div_euclid(*number),
            2 => value * number - 3,
            3 => value.max(3 * number),
            4 => value.min(50 * number),
            _ => value + number,
        })
}

fn lifted(chain: &[(u8, i64)]) -> Function {
    let mut function = Function::identity();
    for (index, step) in chain.iter().enumerate() {
        let modulus = match step.0 {
            0 => step.1 + 1,
            1 => step.1,
            _ => 1,
        };
        let rate = settle(&[&function], 256, modulus as u64).expect("small");
        function = Function::sample(rate, |size| {
            function.at(size).map(|_| by_hand(&chain[..=index], size))
        })
        .expect("quasi-affine");
    }
    function
}

proptest! {
    #[test]
    fn functions_are_exact_for_sizes_beyond_their_tables(chain in arbitrary()) {
        let function = lifted(&chain);
        for size in 1..=5000 {
            prop_assert_eq!(function.at(size), Some(by_hand(&chain, size)));
        }
    }

    /// However a function came about, and however long the table that it was made from.
    #[test]
    fn equal_functions_have_equal_tables(chain in arbitrary(), more in 0usize..40, times in 1usize..4) {
        let function = lifted(&chain);
        let rate = (function.threshold() + more, function.period() * times);
        let again = Function::sample(rate, |size| function.at(size)).expect("no longer than before");
        prop_assert_eq!(&again, &function);
        prop_assert_eq!(again.form("H"), function.form("H"));
    }

    #[test]
    fn sets_of_sizes_are_what_they_contain(modulus in 1u64..7, rest in 0u64..7, from in 0u64..40, without in 0u64..60) {
        let holds = |size: u64| size % modulus == rest % modulus && size >= from && size != without;
        let sizes = Sizes::sample((64, modulus as usize), holds).expect("small");
        for size in 1..1000 {
            prop_assert_eq!(sizes.contains(size), holds(size));
        }
        let even = Sizes::sample((0, 2), |size| size % 2 == 0).expect("small");
        let both = sizes.and(&even).expect("small");
        prop_assert!((1..1000).all(|size| both.contains(size) == (holds(size) && size % 2 == 0)));
    }
}

#[test]
fn forms_read_as_people_write_them() {
    let form = |rate, value: &dyn Fn(i64) -> i64| {
        Function::sample(rate, |size| Some(value(size as i64)))
            .expect("quasi-affine")
            .form("H")
    };
    assert_eq!(form((0, 1), &|h| h), "H");
    assert_eq!(form((0, 1), &|h| 3 * h + 4), "3 * H + 4");
    assert_eq!(form((0, 2), &|h| (h + 1) / 2), "ceil(H / 2)");
    assert_eq!(form((0, 4), &|h| h / 4), "floor(H / 4)");
    assert_eq!(
        form((0, 4), &|h| (h - 7).div_euclid(4)),
        "floor((H - 7) / 4)"
    );
    assert_eq!(form((0, 2), &|h| 2 * (h / 2)), "2 * floor(H / 2)");
    assert_eq!(
        form((0, 2), &|h| 2 * ((h + 1) / 2) - 5),
        "2 * ceil(H / 2) - 5"
    );
    assert_eq!(form((0, 3), &|h| 2 * h / 3), "floor(2 * H / 3)");
    assert_eq!(form((9, 1), &|h| h.max(7)), "max(H, 7)");
    assert_eq!(
        form((9, 1), &|h| h.min(3)),
        "if H <= 2 then [1, 2][H - 1] else 3"
    );
    assert_eq!(
        form((0, 4), &|h| 3 * (h / 2) / 2),
        "[3, 3, 3, 3][H % 4] * (H / 4) + [0, 0, 1, 1][H % 4]"
    );
    let multiples = Sizes::sample((0, 32), |size| size % 32 == 0).expect("small");
    let exact = Function::sample((0, 32), |size| {
        multiples.contains(size).then_some(size as i64 / 32)
    });
    assert_eq!(exact.expect("small").form("H"), "H / 32");
}

#[test]
fn conditions_read_as_people_write_them() {
    let condition = |rate, holds: &dyn Fn(u64) -> bool| {
        let sizes = Sizes::sample(rate, holds).expect("periodic");
        (sizes.condition("H"), sizes.words("H"))
    };
    let is = |written: &str, said: &str| (written.to_string(), said.to_string());
    assert_eq!(
        condition((0, 2), &|h| h % 2 == 0),
        is("H % 2 == 0", "H is even")
    );
    assert_eq!(
        condition((0, 32), &|h| h % 32 == 0),
        is("H % 32 == 0", "H is a multiple of 32")
    );
    assert_eq!(condition((20, 1), &|h| h >= 15), is("H >= 15", "`H >= 15`"));
    assert_eq!(
        condition((99, 4), &|h| h % 4 == 1 && h >= 30).0,
        "H % 4 == 1 and H >= 33"
    );
    assert_eq!(condition((9, 1), &|h| h == 7).0, "H == 7");
    assert_eq!(condition((9, 1), &|h| h <= 7).0, "H <= 7");
    assert_eq!(condition((0, 8), &|h| h % 8 < 3).0, "H % 8 < 3");
    assert_eq!(condition((0, 3), &|h| h % 3 != 1).0, "H % 3 != 1");
    assert_eq!(
        condition((9, 2), &|h| h % 2 == 0 || h == 5).0,
        "H % 2 == 0 or H == 5"
    );
    assert_eq!(condition((9, 1), &|h| h != 5).0, "H != 5");
}

#[test]
fn a_function_that_leaves_its_rays_in_the_third_period_is_not_taken() {
    // As far as two periods tell, each of these is quasi-affine.
    let bends = |n: u64| Some(if n <= 4 { n as i64 } else { 2 * n as i64 });
    assert_eq!(Function::sample((0, 2), bends), Err(Undecided));
    let ends = |n: u64| (n <= 4).then_some(n as i64);
    assert_eq!(Function::sample((0, 2), ends), Err(Undecided));
    let square = |n: u64| Some((n * n) as i64);
    for window in [(0, 1), (3, 2), (100, 7)] {
        assert_eq!(Function::sample(window, square), Err(Undecided));
    }
    // Where the window is as long as it must be, the bend lies before the rays.
    assert!(Function::sample((4, 2), bends).is_ok());
}
