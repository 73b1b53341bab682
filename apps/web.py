"""`colonnade app`: the vertical's own application, or a page with a form for each task and the report beside it.

The answers come from the same application that `serve` runs; this file only writes the form.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from ..core.errors import UnknownName
from ..core.vertical import Modality, Task, Vertical, installed


def run(name: str, *, host: str, port: int) -> None:
    """Serve the page of a vertical until stopped."""
    from ..core.serving.app import listen

    says = f"open http://{host}:{port}/ in a browser (stop with Ctrl-C)"
    listen(application(_vertical(name)), host=host, port=port, says=says)


def application(vertical: Vertical) -> Any:
    """The serving application of the vertical's tasks, with the page at its root."""
    pipelines = [task.pipeline().from_pretrained() for task in vertical.tasks]
    if vertical.app is not None:
        return vertical.app(pipelines)
    from fastapi.responses import HTMLResponse

    from ..core.serving.app import application as serving

    app = serving(pipelines)
    page = _page(vertical)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def root() -> str:
        return page

    return app


def _vertical(name: str) -> Vertical:
    known = {vertical.name: vertical for vertical in installed()}
    if name not in known:
        raise UnknownName("vertical", name, known)
    return known[name]


def _page(vertical: Vertical) -> str:
    forms = "".join(_form(task) for task in vertical.tasks)
    return _PAGE.format(title=html.escape(vertical.summary), forms=forms)


def _form(task: Task) -> str:
    fields = "".join(_field(modality, required=_required(task, modality.name)) for modality in task.modalities)
    return (
        f'<form action="/v1/{task.name}?as=report" method="post" enctype="multipart/form-data" target="report">'
        f"<h2>{html.escape(task.summary)}</h2>{fields}<button>Answer</button></form>"
    )


def _field(modality: Modality, *, required: bool) -> str:
    needed = " required" if required else ""
    label = f"<span>{html.escape(modality.name)}</span><small>{html.escape(modality.takes)}</small>"
    if modality.inline:
        return f'<label>{label}<textarea name="{modality.name}" rows="3"{needed}></textarea></label>'
    return f'<label>{label}<input type="file" name="{modality.name}" multiple{needed}></label>'


def _required(task: Task, name: str) -> bool:
    subsets: Sequence[Sequence[str]] = task.minimum
    return all(name in subset for subset in subsets)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Colonnade: {title}</title><style>
*{{box-sizing:border-box}}
body{{margin:0;height:100vh;display:grid;grid-template-columns:320px 1fr;color:#1c2430;background:#f4f6f8;
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}}
aside{{padding:24px;background:#fff;border-right:1px solid #dfe4ea;overflow:auto}}
h1{{font-size:20px;margin:0 0 4px}}h2{{font-size:15px;margin:20px 0 8px}}
label{{display:block;margin:12px 0}}label span{{display:block;font-weight:600}}
small{{display:block;color:#5b6676;margin-bottom:4px}}
input,textarea{{width:100%;font:inherit;font-size:13px}}
textarea{{border:1px solid #dfe4ea;border-radius:6px;padding:6px}}
button{{font:inherit;font-weight:600;color:#fff;background:#2f5d8a;border:0;border-radius:6px;padding:8px 18px}}
iframe{{width:100%;height:100%;border:0}}
@media(max-width:760px){{body{{grid-template-columns:1fr;grid-template-rows:auto 1fr}}}}
</style></head>
<body><aside><h1>Colonnade</h1><small>{title}</small>{forms}</aside>
<iframe name="report" title="report" srcdoc="<p style='font:15px system-ui;color:#5b6676;padding:40px'>
The report appears here.</p>"></iframe></body></html>
"""
