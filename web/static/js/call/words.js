// Safety words: 256 pairs, so that one byte is one word, said by people who may not share a language.
const PAIRS = `
苹果 apple,梨子 pear,桃子 peach,葡萄 grape,西瓜 melon,香蕉 banana,橘子 orange,柠檬 lemon,樱桃 cherry,草莓 strawberry,
石榴 pomegranate,核桃 walnut,花生 peanut,栗子 chestnut,红枣 date,杏子 apricot,白菜 cabbage,萝卜 radish,土豆 potato,番茄 tomato,
黄瓜 cucumber,茄子 eggplant,南瓜 pumpkin,玉米 corn,大米 rice,小麦 wheat,黄豆 soybean,豆腐 tofu,面条 noodle,馒头 bun,
饺子 dumpling,鸡蛋 egg,牛奶 milk,蜂蜜 honey,白糖 sugar,食盐 salt,酱油 soy,米醋 vinegar,绿茶 tea,咖啡 coffee,
太阳 sun,月亮 moon,星星 star,天空 sky,白云 cloud,彩虹 rainbow,雨水 rain,雪花 snow,大风 wind,闪电 lightning,
雷声 thunder,大雾 fog,露水 dew,冰块 ice,春天 spring,夏天 summer,秋天 autumn,冬天 winter,早晨 morning,夜晚 night,
高山 mountain,山谷 valley,河流 river,湖泊 lake,大海 sea,海岛 island,沙滩 beach,沙漠 desert,草原 meadow,森林 forest,
田野 field,花园 garden,水井 well,瀑布 waterfall,泉水 fountain,石头 stone,泥土 soil,沙子 sand,火山 volcano,山洞 cave,
松树 pine,柳树 willow,竹子 bamboo,樟树 camphor,枫叶 maple,梅花 plum,兰花 orchid,菊花 daisy,荷花 lotus,玫瑰 rose,
牡丹 peony,茉莉 jasmine,桂花 osmanthus,向日葵 sunflower,小草 grass,树根 root,树叶 leaf,种子 seed,果园 orchard,花朵 flower,
老虎 tiger,狮子 lion,大象 elephant,熊猫 panda,猴子 monkey,骆驼 camel,长颈鹿 giraffe,斑马 zebra,狐狸 fox,野狼 wolf,
棕熊 bear,鹿角 antler,兔子 rabbit,松鼠 squirrel,刺猬 hedgehog,老鼠 mouse,小猫 cat,小狗 dog,白马 horse,黄牛 cow,
山羊 goat,绵羊 sheep,小猪 pig,公鸡 rooster,鸭子 duck,白鹅 goose,鸽子 dove,燕子 swallow,麻雀 sparrow,喜鹊 magpie,
老鹰 eagle,孔雀 peacock,天鹅 swan,企鹅 penguin,海豚 dolphin,鲸鱼 whale,鲤鱼 carp,乌龟 turtle,青蛙 frog,蝴蝶 butterfly,
蜜蜂 bee,蚂蚁 ant,蜻蜓 dragonfly,蚕丝 silk,贝壳 shell,螃蟹 crab,房子 house,窗户 window,大门 gate,屋顶 roof,
楼梯 stairs,墙壁 wall,厨房 kitchen,桌子 table,椅子 chair,木床 bed,枕头 pillow,被子 blanket,镜子 mirror,台灯 lamp,
蜡烛 candle,钟表 clock,钥匙 key,雨伞 umbrella,扫帚 broom,水桶 bucket,毛巾 towel,肥皂 soap,梳子 comb,牙刷 brush,
茶杯 cup,饭碗 bowl,盘子 plate,勺子 spoon,筷子 chopstick,茶壶 teapot,铁锅 pot,瓶子 bottle,篮子 basket,箱子 box,
铅笔 pencil,毛笔 quill,墨水 ink,纸张 paper,书本 book,报纸 newspaper,信封 envelope,邮票 stamp,地图 map,日历 calendar,
尺子 ruler,剪刀 scissors,针线 needle,纽扣 button,帽子 hat,手套 glove,围巾 scarf,大衣 coat,衬衫 shirt,裤子 trousers,
鞋子 shoe,袜子 sock,皮带 belt,口袋 pocket,眼镜 glasses,戒指 ring,风筝 kite,皮球 ball,象棋 chess,陀螺 top,
秋千 swing,木偶 puppet,笛子 flute,二胡 fiddle,钢琴 piano,吉他 guitar,大鼓 drum,铃铛 bell,喇叭 trumpet,歌曲 song,
火车 train,汽车 car,自行车 bicycle,轮船 ship,小船 boat,飞机 plane,马车 cart,桥梁 bridge,马路 road,车站 station,
港口 harbour,灯塔 lighthouse,机场 airport,隧道 tunnel,铁轨 rail,车轮 wheel,船帆 sail,船锚 anchor,风车 windmill,水塔 tower,
学校 school,医院 hospital,邮局 post,商店 shop,市场 market,公园 park,图书馆 library,博物馆 museum,剧院 theatre,农场 farm,
磨坊 mill,锤子 hammer,锯子 saw,斧头 axe,钉子 nail,梯子 ladder
`;

export const SAFETY_WORDS = PAIRS.split(",").map((pair) => {
  const [chinese, english] = pair.trim().split(" ");
  return { chinese, english };
});
