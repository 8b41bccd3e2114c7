// Tool.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function ToolScreen(_: ScreenProps) {
  return (
    <Screen title="Tool">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
