//! HTML as mail programs write it, read as text.

use proptest::prelude::*;

use super::*;

fn words(html: &str) -> String {
    let text = to_text(html, Purpose::Words);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn reading(html: &str) -> String {
    to_text(html, Purpose::Reading)
}

#[test]
fn html_is_read_without_its_clothes() {
    let html =
        "<style>p{}</STYLE ><p>a&amp;b&#x4f1a;<!-- > -->c</p><script>x</script>&bogus; 1 < 2";
    assert_eq!(words(html), "a&b会c &bogus; 1 < 2");
    assert_eq!(
        words("<title>t</title><p>a<b>b</b>c<br>d</p><td>e</td><td>f</td>"),
        "abc d e f"
    );
    assert_eq!(
        words("<!--[if mso]><p>no</p><![endif]--><![if !mso]>yes<![endif]>"),
        "yes"
    );
    assert_eq!(words("<a title=\"1 > 2\" href=x>a</a"), "a</a");
    assert_eq!(
        words("会議の\r\nお知らせ\r\nABC\r\n会"),
        "会議のお知らせ ABC 会"
    );
}

#[test]
fn character_references_are_read_as_browsers_read_them() {
    for (html, text) in [
        (
            "&hellip; &mdash; &rsquo; &yen; &copy; &eacute; &middot; &rarr;",
            "… — ’ ¥ © é · →",
        ),
        (
            "&#12354; &#x3042; &trade; &bull; &euro; &times; &amp;lt; &apos;",
            "あ あ ™ • € × &lt; '",
        ),
        (
            "co&shy;op&ensp;| a&nbsp;b &zwj;",
            "coop\u{2002}| a b \u{200d}",
        ),
        ("&copy2026 &notit; &ampx &amp", "©2026 ¬it; &x &"),
        (
            "&#150; &#0; &#xd800; &#99999999999; &#; &x;",
            "– \u{fffd} \u{fffd} \u{fffd} &#; &x;",
        ),
        ("&nGt;", "≫\u{20d2}"),
    ] {
        assert_eq!(to_text(html, Purpose::Words), text);
    }
    assert_eq!(
        reading("<a href='https://x.example/?a=1&copy=2&amp;b=3&lt;'>x</a>"),
        "x <https://x.example/?a=1&copy=2&b=3<>"
    );
}

#[test]
fn blocks_stand_on_lines_of_their_own() {
    let html = "<div>一行目<br>二行目</div><div><br></div><div>四行目 <a href=\"https://example.net/x?a=1&amp;b=2\">リンク</a></div>\
        <ul><li>A</li><li>B<ul><li>C</li></ul></li></ul><ol start=3><li>one</li></ol><table><tr><td>品名</td><td>数量</td></tr></table>\
        <blockquote>引用<blockquote>さらに</blockquote></blockquote><pre>  x = 1\r\n    y</pre><p>長い&nbsp;&nbsp;空白</p>\
        <img alt=\"図1\" src=\"cid:x\"><hr><style>p{}</style><script>evil()</script><span style=\"display: none\">隠し</span>";
    assert_eq!(
        reading(html),
        "一行目\n二行目\n\n四行目 リンク <https://example.net/x?a=1&b=2>\n\n- A\n- B\n  - C\n\n3. one\n\n品名\n数量\n\n\
         > 引用\n>\n> > さらに\n\n  x = 1\n    y\n\n長い  空白\n\n[図1]\n\n----"
    );
    assert_eq!(
        to_text(html, Purpose::Words),
        "一行目\n二行目\n四行目 リンク\nA\nB\nC\none\n品名\n数量\n引用\nさらに\n  x = 1\n    y\n長い  空白"
    );
}

#[test]
fn links_that_say_where_they_lead_are_not_written_twice() {
    assert_eq!(
        reading("<a href=https://x.example/>https://x.example</a>"),
        "https://x.example"
    );
    assert_eq!(
        reading("<a href=https://x.example/>x.example</a>"),
        "x.example"
    );
    assert_eq!(reading("<a href=mailto:a@x.example>Ann</a>"), "Ann");
    assert_eq!(
        reading("<a href=https://x.example/><img src=x></a> end"),
        "end"
    );
}

#[test]
fn an_address_of_a_link_brings_no_control_characters() {
    let text = reading("<a href=\"https://a.example/\u{1}x\u{7f}y\">link</a>");
    assert_eq!(text, "link <https://a.example/xy>");
}

#[test]
fn what_is_hidden_is_left_out_unless_it_never_ends() {
    assert_eq!(
        words("a<div style='DISPLAY:none !important'><div>b</div>c</div>d<p hidden>e</p>f"),
        "adf"
    );
    assert_eq!(words("a<div style='display:none'>b"), "a b");
}

#[test]
fn html_that_never_closes_is_read_in_one_go() {
    for piece in [
        "<!--<style<script<",
        "<a href=\"",
        "<script>",
        "&",
        "<!",
        "<a b='",
        "<div hidden>",
        "<blockquote>x",
        "<li>",
    ] {
        let html = piece.repeat(50_000);
        let _ = reading(&html);
        assert!(to_text(&html, Purpose::Words).len() <= html.len());
    }
    assert!(words(&"<!--<style<script<".repeat(50_000)).len() >= 400_000);
}

proptest! {
    #[test]
    fn no_html_panics(pieces in prop::collection::vec(prop::sample::select(vec![
        "<", ">", "</", "div", " ", "style=display:none", "\"", "'", "=", "&", "amp;", "#x", "会", "\n", "<pre>", "<li>", "<ol>",
        "<blockquote>", "</blockquote>", "<a href=http://x>", "</a>", "<script>", "</script>", "<!--", "-->", "text", "<br>",
    ]), 0..40)) {
        let html = pieces.concat();
        for purpose in [Purpose::Words, Purpose::Reading] {
            let text = to_text(&html, purpose);
            prop_assert!(text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
        }
    }
}
