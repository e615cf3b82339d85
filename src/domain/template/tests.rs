use proptest::prelude::*;

use super::*;

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().copied().collect()
}

#[test]
fn placeholders_are_filled_whichever_parentheses_were_typed() {
    let filled = values(&[("姓名", "张三"), ("单位", "县安监局")]);
    for text in [
        "((姓名))同志（((单位))）您好",
        "（（姓名））同志（((单位))）您好",
        "（( 姓名)）同志（((unit))）您好",
    ] {
        assert_eq!(
            Template::parse(text).unwrap().render(&filled).unwrap(),
            "张三同志（县安监局）您好",
            "{text}"
        );
    }
}

#[test]
fn single_parentheses_are_text() {
    let text = "六进(进企业)（进社区），见附件))";
    assert_eq!(
        Template::parse(text)
            .unwrap()
            .render(&Values::new())
            .unwrap(),
        text
    );
}

#[test]
fn names_come_once_in_the_order_of_the_text() {
    let template = Template::parse("((职务))((姓名))((职务))").unwrap();
    assert_eq!(template.names(), ["职务", "姓名"]);
}

#[test]
fn a_broken_template_is_refused_with_its_line() {
    assert!(matches!(
        Template::parse("您好\n((姓名"),
        Err(TemplateError::Unclosed { line: 2, .. })
    ));
    assert!(matches!(
        Template::parse("((姓名) 您好 ((单位))"),
        Err(TemplateError::Unclosed { line: 1, .. })
    ));
    assert_eq!(
        Template::parse("(( ))"),
        Err(TemplateError::EmptyName { line: 1 })
    );
    assert!(matches!(
        Template::parse(&format!("(({}))", "名".repeat(21))),
        Err(TemplateError::LongName { .. })
    ));
}

#[test]
fn an_unknown_name_comes_with_the_nearest_right_one() {
    let template = Template::parse("((姓铭))((phone number))((节气))").unwrap();
    let problems = template.check(
        ["姓名", "单位", "Phone Numbers"],
        [],
        &ValueLimits::default(),
    );
    let nearest: Vec<_> = problems
        .listed
        .iter()
        .map(|p| match &p.fault {
            Fault::Unknown { nearest } => nearest.as_deref(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(nearest, [Some("姓名"), Some("Phone Numbers"), None]);
    assert!(problems.listed[0].to_string().contains("((姓名))"));
}

#[test]
fn every_bad_value_is_reported_with_its_row() {
    let template = Template::parse("((姓名))((单位))").unwrap();
    let rows = [
        values(&[("姓名", "张三"), ("单位", &"县".repeat(40))]),
        values(&[("姓名", " "), ("单位", &"县".repeat(41))]),
        values(&[("姓名", "李【四】"), ("单位", "县")]),
        values(&[("单位", "县")]),
        values(&[("姓名", "王\u{202e}五"), ("单位", "县")]),
    ];
    let problems = template.check(["姓名", "单位"], (2..).zip(&rows), &ValueLimits::default());
    let found: Vec<_> = problems
        .listed
        .iter()
        .map(|p| (p.row, &*p.name, p.fault.clone()))
        .collect();
    assert_eq!(
        found,
        [
            (Some(3), "姓名", Fault::Empty),
            (
                Some(3),
                "单位",
                Fault::TooLong {
                    length: 41,
                    limit: 40
                }
            ),
            (Some(4), "姓名", Fault::Forbidden { code: 0x3010 }),
            (Some(5), "姓名", Fault::Missing),
            (Some(6), "姓名", Fault::Forbidden { code: 0x202e }),
        ]
    );
}

#[test]
fn a_placeholder_may_have_a_limit_of_its_own() {
    let template = Template::parse("((姓名))").unwrap();
    let limits = ValueLimits::default().with("name", 2);
    let long = values(&[("姓名", "欧阳修")]);
    assert_eq!(template.check(["姓名"], [(2, &long)], &limits).total, 1);
}

#[test]
fn a_wrong_column_of_many_rows_is_counted_and_not_listed_to_the_end() {
    let template = Template::parse("((姓名))").unwrap();
    let empty = Values::new();
    let problems = template.check(
        ["姓名"],
        (2..2002).map(|row| (row, &empty)),
        &ValueLimits::default(),
    );
    assert_eq!(
        (problems.listed.len(), problems.total),
        (MAX_PROBLEMS, 2000)
    );
}

#[test]
fn a_value_is_never_read_as_a_template() {
    let template = Template::parse("((姓名))").unwrap();
    assert_eq!(
        template
            .render(&values(&[("姓名", "((单位))"), ("单位", "县")]))
            .unwrap(),
        "((单位))"
    );
}

#[test]
fn values_are_the_same_json_whatever_the_order() {
    let one = values(&[("单位", "县\"局"), ("姓名", "张三"), ("a", "1")]);
    let other = values(&[
        ("a", "1"),
        ("姓名", "李四"),
        ("单位", "县\"局"),
        ("姓名", "张三"),
    ]);
    assert_eq!(one.to_json(), r#"{"a":"1","单位":"县\"局","姓名":"张三"}"#);
    assert_eq!(one.to_json(), other.to_json());
    assert_eq!(Values::from_json(&one.to_json()).unwrap(), one);
}

proptest! {
    #[test]
    fn any_text_is_a_template_or_a_reason(text in "[(（)）姓名 a\n]{0,30}") {
        if let Ok(template) = Template::parse(&text) {
            let filled: Values = template.names().into_iter().map(|n| (n.to_owned(), "值")).collect();
            prop_assert!(template.render(&filled).is_ok());
        }
    }
}
