/** What goes wrong outside of fate, such as a gateway that is not there. The message is one line that says all there is to say. */
export class OutsideFault extends Error {
  override readonly name = "OutsideFault";
}
