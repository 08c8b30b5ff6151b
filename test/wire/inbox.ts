/** What callbacks brought, to be awaited in a test one after the other. */

export type Inbox<Item> = { readonly put: (item: Item) => void; readonly take: () => Promise<Item> };

export function createInbox<Item>(): Inbox<Item> {
  const items: Item[] = [];
  const takers: ((item: Item) => void)[] = [];
  return {
    put: (item) => {
      const taker = takers.shift();
      if (taker === undefined) items.push(item);
      else taker(item);
    },
    take: async () => {
      for (const item of items.splice(0, 1)) return item;
      return new Promise((resolve) => takers.push(resolve));
    },
  };
}
