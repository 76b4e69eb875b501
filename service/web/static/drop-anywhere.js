// Files dropped anywhere on a page; the drop area shows that they are wanted.

/** Call `take` with the transfer of each drop of files, and mark `area` while files are dragged over the page. */
export function dropAnywhere(area, take) {
  let over = 0;

  function dragged(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    over += { dragenter: 1, dragleave: -1 }[event.type] ?? 0;
    area.classList.toggle("is-over", over > 0);
  }

  for (const name of ["dragenter", "dragover", "dragleave"]) document.addEventListener(name, dragged);
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over = 0;
    area.classList.remove("is-over");
    if (event.dataTransfer) take(event.dataTransfer);
  });
}
