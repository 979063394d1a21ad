package markup

// Policy is the value of Content-Security-Policy for all pages. It allows only the style
// sheet and an empty icon, which keeps browsers from requesting one. Pages need no more,
// and markup that an attacker got into a page could do nothing.
const Policy = "default-src 'none'; style-src 'sha256-n8ropFt0uFtnr6GATjylmUhegxLYKjlM/d0NacqLwT4='; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Style is the style sheet of all pages. Policy contains its hash. After a change, the test
// prints the new hash.
const Style = `
:root{color-scheme:light dark;--page:#fbfbf9;--text:#1a1c20;--dim:#5d636d;--line:#e3e3de;--well:#f2f2ee;--tone:#3f5f8a}
.c1{--tone:#0b63bd}.c2{--tone:#14743a}.c3{--tone:#6a3ccc}.c4{--tone:#a34f08}.c5{--tone:#be261e}
@media (prefers-color-scheme:dark){
:root{--page:#121316;--text:#ececea;--dim:#9da2ab;--line:#2c2e33;--well:#1b1d21;--tone:#9db8dd}
.c1{--tone:#6bb5ff}.c2{--tone:#5fd08a}.c3{--tone:#b59bff}.c4{--tone:#f3a953}.c5{--tone:#ff8379}
}
*{box-sizing:border-box;margin:0;padding:0}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{background:var(--page);color:var(--text);font:1.0625rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
main{max-width:44rem;margin:0 auto;padding:clamp(2.5rem,10vh,6rem) clamp(1.25rem,5vw,2.5rem) 4rem}
a{color:inherit;text-decoration-color:var(--tone);text-decoration-thickness:.08em;text-underline-offset:.2em}
a:hover{color:var(--tone)}
a:focus-visible{outline:2px solid var(--tone);outline-offset:3px;border-radius:2px}
code,pre,dt{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.875rem}
ul{list-style:none}
nav{margin-bottom:2rem;color:var(--dim);font-size:.9375rem}
nav a::before{content:"\2190\00a0"}
.code{font-size:clamp(4.5rem,22vw,7.5rem);line-height:.9;font-weight:750;letter-spacing:-.05em;font-variant-numeric:tabular-nums;color:var(--tone);margin-inline-start:-.04em}
h1{font-size:clamp(1.6rem,5.5vw,2.25rem);line-height:1.2;letter-spacing:-.02em;text-wrap:balance}
.code+h1{margin-top:1.5rem}
h2{margin:3rem 0 .75rem;font-size:1.25rem;line-height:1.3;letter-spacing:-.01em}
h3{font-size:1rem}
.lead{margin-top:.75rem;font-size:1.125rem;color:var(--dim);text-wrap:pretty;white-space:pre-line}
div.lead{white-space:normal}
.lead p+p{margin-top:.75rem}
.retry{margin-top:.75rem;font-size:1.125rem;font-weight:600;color:var(--tone)}
.faults{margin-top:2rem;border-inline-start:3px solid var(--tone)}
.faults li{padding:.35rem 0;padding-inline-start:1rem}
.faults li+li{margin-top:.35rem}
.faults code,.faults span{display:block}
.faults code{color:var(--dim)}
dl{margin-top:2.5rem;border-top:1px solid var(--line)}
dl div{display:grid;grid-template-columns:9rem 1fr;gap:.15rem 1.5rem;align-items:baseline;padding:.7rem 0;border-bottom:1px solid var(--line)}
dt{color:var(--dim)}
dd{min-width:0;white-space:pre-line}
pre{overflow-x:auto;white-space:pre-wrap;background:var(--well);border-radius:.5rem;padding:.75rem 1rem;line-height:1.6}
.types{margin-top:2.5rem;border-top:1px solid var(--line)}
.types li{padding:1.25rem 0;border-bottom:1px solid var(--line)}
.types h2{display:flex;justify-content:space-between;align-items:baseline;gap:1.5rem;margin:0;font-size:1.125rem}
.types b,.codes b{flex:none;color:var(--tone);font-variant-numeric:tabular-nums}
.types code{color:var(--dim)}
.types p{margin-top:.5rem;text-wrap:pretty}
section{padding:1.5rem 0;border-top:1px solid var(--line)}
section p{color:var(--dim);font-size:.9375rem}
.codes{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:.1rem 1.5rem;margin-top:.75rem}
.codes a{display:flex;gap:.9rem;padding:.3rem 0;text-decoration:none}
.codes a:hover{text-decoration:underline}
.more,footer{color:var(--dim);font-size:.9375rem}
.more{margin-top:.75rem}
footer{margin-top:2.5rem}
footer p+p{margin-top:.25rem}
@media (max-width:34rem){dl div{grid-template-columns:1fr}}
[dir=rtl] :is(dd,li,footer){text-align:right}
@media print{:root{--page:#fff;--text:#000;--dim:#333}main{padding:0}}
`
