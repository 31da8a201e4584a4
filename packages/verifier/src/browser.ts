/** What the page uses of a browser, and nothing more of it. */
export interface PageElement {
  textContent: string | null
  className: string
  value: string
  hidden: boolean
  readonly files: ArrayLike<PageFile> | null
  append(...children: readonly (PageElement | string)[]): void
  replaceChildren(...children: readonly (PageElement | string)[]): void
  addEventListener(type: string, listener: (event: PageEvent) => void): void
}

export interface PageFile {
  readonly name: string
  readonly size: number
  arrayBuffer(): Promise<ArrayBuffer>
}

export interface PageEvent {
  readonly dataTransfer?: { readonly files: ArrayLike<PageFile> } | null
  preventDefault(): void
}

export interface PageDocument {
  readonly body: PageElement
  getElementById(id: string): PageElement | null
  createElement(name: string): PageElement
}

/** What goes between the page and its worker. */
export interface PageWorker {
  postMessage(message: unknown): void
  onmessage: ((event: { readonly data: unknown }) => void) | null
}
