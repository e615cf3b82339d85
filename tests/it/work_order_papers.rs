//! Work orders on paper: the letter, and the form that comes back filled in.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use rust_xlsxwriter::Workbook;
use watchbell::domain::work_order::OrderState as S;

use crate::{
    harness::story::{Story, approve_order, on_each_database, refused},
    harness::town::{SEEDS, TEXT, Town, knowing},
};

/// The form as it was sent, with these cells typed over: as Excel names them.
pub(crate) fn filled(form: &[u8], cells: &[(&str, &str)]) -> Vec<u8> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(form)).unwrap();
    let name = book.sheet_names()[0].clone();
    let range = book.worksheet_range(&name).unwrap();
    let mut copy = Workbook::new();
    let sheet = copy.add_worksheet();
    sheet.set_name(&name).unwrap();
    let (top, left) = range.start().unwrap();
    for (row, column, value) in range.used_cells() {
        if *value != Data::Empty {
            let (row, column) = (top + row as u32, left as u16 + column as u16);
            sheet.write_string(row, column, value.to_string()).unwrap();
        }
    }
    for (cell, value) in cells {
        let column = u16::from(cell.as_bytes()[0] - b'A');
        let row: u32 = cell[1..].parse().unwrap();
        sheet.write_string(row - 1, column, *value).unwrap();
    }
    copy.save_to_buffer().unwrap()
}

#[tokio::test]
async fn an_order_on_paper_goes_out_as_a_letter_and_comes_back_as_a_form() {
    on_each_database(async |story: &Story| {
        let town = Town::open(story, |_| {}).await;
        let office = knowing(&town.office, "");
        let clerk = &town.clerk;
        let diff = town
            .import(&[crate::harness::town::ordered("telecom", TEXT)], false)
            .await;
        let id = diff.items[0].order.unwrap();
        refused(office.work_orders().export(clerk, id).await.map(drop));
        approve_order(&office, &town.approver, id).await.unwrap();
        office.work_orders().issue(clerk, id).await.unwrap();
        let papers = office.work_orders().export(clerk, id).await.unwrap();
        let code = town.view(id).await.line.check_code.grouped();
        for said in [
            "切勿重新录入",
            "县安委办短协〔2023〕1号",
            &code,
            TEXT,
            "承办单位（盖章）",
        ] {
            assert!(papers.letter.contains(said), "{said}");
        }
        assert!(
            !papers.letter.contains(&SEEDS[0].to_string()),
            "numbers stay on the form"
        );

        let shown = format!("【云岭县安委办】{TEXT}");
        let typed = shown.replace('忻', "折");
        let first = [
            ("B10", "受理"),
            ("B12", "2023-06-13 09:00"),
            ("B13", "2023-06-14 18:00"),
            ("B17", typed.as_str()),
        ];
        let (_, taken) = office
            .work_orders()
            .import_form(clerk, &filled(&papers.form, &first))
            .await
            .unwrap();
        assert_eq!((taken.decided, taken.proofs, taken.differing), (true, 1, 1));
        assert_eq!(town.state(id).await, S::Acknowledged);
        office
            .work_orders()
            .correct(clerk, id, "错字")
            .await
            .unwrap();
        // The old form is of the first round.
        let no = refused(
            office
                .work_orders()
                .import_form(clerk, &filled(&papers.form, &first))
                .await,
        );
        assert!(no.contains("revision 1 (cell B4)"), "{no}");

        let papers = office.work_orders().export(clerk, id).await.unwrap();
        let right = [
            ("B10", "受理"),
            ("B17", shown.as_str()),
            ("B18", shown.as_str()),
        ];
        let form = filled(&papers.form, &right);
        office
            .work_orders()
            .import_form(clerk, &form)
            .await
            .unwrap();
        assert_eq!(town.state(id).await, S::Proofed);
        office.work_orders().release(clerk, id).await.unwrap();
        office.clock.advance(chrono::TimeDelta::days(3));
        let wrong = [&right[..], &[("A39", "昨天"), ("C39", "很多")]].concat();
        let no = refused(
            office
                .work_orders()
                .import_form(clerk, &filled(&papers.form, &wrong))
                .await,
        );
        assert!(
            no.contains("A39 \"昨天\"") && no.contains("C39 \"很多\""),
            "{no}"
        );
        assert!(
            town.view(id).await.counts.is_empty(),
            "nothing is taken while a cell is wrong"
        );
        let counts = [
            &right[..],
            &[
                ("A39", "2023-06-13 17:00"),
                ("B39", "1000"),
                ("C39", "500"),
                ("D39", "480"),
            ],
            &[
                ("A40", "2023-06-14 17:00"),
                ("B40", "1,000"),
                ("C40", "1000"),
                ("D40", "970"),
                ("E40", "是"),
                ("F40", "已全部发完"),
            ],
        ]
        .concat();
        let form = filled(&papers.form, &counts);
        let (_, taken) = office
            .work_orders()
            .import_form(clerk, &form)
            .await
            .unwrap();
        assert_eq!((taken.proofs, taken.counts), (0, 2));
        // Sent in once more, it says nothing new.
        assert_eq!(
            office
                .work_orders()
                .import_form(clerk, &form)
                .await
                .unwrap()
                .1
                .counts,
            0
        );
        let view = town.view(id).await;
        assert_eq!(
            (view.line.state, view.line.figures.delivered),
            (S::Reported, Some(970))
        );
        assert!(view.contradictions.is_empty(), "{:?}", view.contradictions);
        let no = refused(office.work_orders().accept(clerk, id).await);
        assert!(no.contains("evidence"), "{no}");
        // A form of another text.
        let other = [("B3", "0000-0000-0000")];
        assert!(
            refused(
                office
                    .work_orders()
                    .import_form(clerk, &filled(&papers.form, &other))
                    .await
            )
            .contains("B3")
        );
        let other = [("B2", "别的单")];
        assert!(
            refused(
                office
                    .work_orders()
                    .import_form(clerk, &filled(&papers.form, &other))
                    .await
            )
            .contains("B2")
        );
        assert_eq!(
            town.carrier.counts().orders,
            0,
            "nothing went over the wire"
        );
        town.verified().await;
    })
    .await;
}
